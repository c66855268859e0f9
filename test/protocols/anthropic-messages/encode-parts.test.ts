import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Conversation, Part } from "../../../src/protocols/canonical/conversation.ts";
import { call, encoded, messagesOf, older, result, rolesOf, text, turn } from "./samples.ts";

const shown = (part: Partial<Extract<Part, { type: "tool_result" }>>) =>
  messagesOf(
    turn("user", text("x")),
    turn("assistant", call("a")),
    turn("tool", { ...(result("a") as Extract<Part, { type: "tool_result" }>), ...part }),
  ).body.messages[2]?.content[0];

describe("tool results", () => {
  test("stand first, together, in the order of their calls and right behind them", () => {
    const { body, losses } = messagesOf(
      turn("user", text("Weather?")),
      turn("assistant", text("I look."), call("a"), call("b"), call("c")),
      turn("tool", result("c", "3")),
      turn("user", text("Also:")),
      turn("tool", result("a", "1"), result("b", "2")),
      turn("user", text("Well?")),
    );
    expect(losses).toEqual([]);
    expect(rolesOf(body.messages)).toEqual([
      "user text",
      "assistant text tool_use tool_use tool_use",
      "user tool_result tool_result tool_result text text",
    ]);
    expect(body.messages[2]?.content.slice(0, 3).map((block) => block["tool_use_id"])).toEqual(["a", "b", "c"]);
  });

  test("that come twice come once, and those without a call not at all", () => {
    const { body, losses } = messagesOf(
      turn("user", text("x")),
      turn("tool", result("ghost")),
      turn("assistant", call("a")),
      turn("tool", result("a", "1"), result("a", "2")),
      turn("user", text("y")),
    );
    expect(rolesOf(body.messages)).toEqual(["user text", "assistant tool_use", "user tool_result text"]);
    expect(body.messages[2]?.content[0]?.["content"]).toEqual([{ type: "text", text: "1" }]);
    expect(losses.map(({ reason }) => reason)).toEqual([
      "a tool result without a call (ghost)",
      "a second result of the tool call a",
    ]);
  });

  test("that are missing are said to be", () => {
    const { body, fields } = messagesOf(
      turn("user", text("x")),
      turn("assistant", call("a"), call("b")),
      turn("tool", result("b")),
      turn("user", text("y")),
    );
    expect(body.messages[2]?.content[0]).toMatchObject({ type: "tool_result", tool_use_id: "a", is_error: true });
    expect(fields).toEqual(["messages"]);
    expect(messagesOf(turn("user", text("x")), turn("assistant", call("a"))).body.messages).toHaveLength(3);
  });

  test("that come late find their call, also when its id is used again", () => {
    const { body, losses } = messagesOf(
      turn("user", text("x")),
      turn("assistant", call("call_0", "get_weather", '{"city":"A"}')),
      turn("tool", result("call_0", "1")),
      turn("assistant", call("call_0", "get_weather", '{"city":"B"}')),
      turn("tool", result("call_0", "2")),
      turn("user", text("y")),
    );
    expect(losses).toEqual([]);
    expect(body.messages.flatMap(({ content }) => content).filter(({ type }) => type === "tool_result")).toEqual([
      { type: "tool_result", tool_use_id: "call_0", content: [{ type: "text", text: "1" }] },
      { type: "tool_result", tool_use_id: "call_0_2", content: [{ type: "text", text: "2" }] },
    ]);
  });

  const image: Part = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" } };

  test("may be empty, pictures, documents, or errors", () => {
    expect(shown({ parts: [] })).toEqual({ type: "tool_result", tool_use_id: "a" });
    expect(shown({ parts: [text("  ") as never] })).toEqual({ type: "tool_result", tool_use_id: "a" });
    expect(shown({ parts: [text("see") as never, image] })).toMatchObject({
      content: [{ type: "text" }, { type: "image" }],
    });
    expect(shown({ isError: true })).toMatchObject({ is_error: true, content: [{ type: "text", text: "sunny" }] });
    expect(shown({ isError: true, parts: [] })).toMatchObject({
      is_error: true,
      content: [{ type: "text", text: "Error" }],
    });
    expect(shown({ isError: true, parts: [image] })).toEqual({
      type: "tool_result",
      tool_use_id: "a",
      content: [
        { type: "text", text: "Error:" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } },
      ],
    });
  });
});

const inputOf = (input: string, kind: "function" | "custom" = "function") => {
  const part: Part = { type: "tool_call", id: "a", name: "get_weather", kind, input };
  return messagesOf(turn("user", text("x")), turn("assistant", part), turn("tool", result("a"))).body.messages[1]
    ?.content[0]?.["input"];
};

describe("tool calls", () => {
  test.each([
    ["", {}],
    [" ", {}],
    ['{"a":1}', { a: 1 }],
    ['{"a":', { _raw: '{"a":' }],
    ["[1]", { _raw: "[1]" }],
    ["null", { _raw: "null" }],
  ])("with the arguments %p have the input %j", (input, expected) => {
    expect(inputOf(input)).toEqual(expected);
  });

  test("of custom tools have one text", () => {
    expect(inputOf("*** Begin", "custom")).toEqual({ input: "*** Begin" });
  });

  test("keep odd keys and change no prototype", () => {
    expect(Object.keys(inputOf('{"__proto__":{"polluted":1}}') as object)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("of tools that are not offered any more still have a tool, which cannot be called", () => {
    const { body } = encoded({
      turns: [turn("user", text("x")), turn("assistant", call("a", "old tool")), turn("tool", result("a"))],
    });
    expect(body["tools"]).toEqual([{ name: "old_tool", input_schema: { type: "object" } }]);
    expect(body["tool_choice"]).toEqual({ type: "none" });
  });
});

const history = (...parts: Part[]) => [turn("user", text("x")), turn("assistant", ...parts), turn("user", text("y"))];

const signed = (origin: string, value = "hm"): Part => ({
  type: "reasoning",
  text: value,
  opaque: [{ origin, kind: "anthropic-signature", data: "EqoB" }],
});

const contentOf = (...parts: Part[]) => encoded({ turns: history(...parts) }).body.messages[1]?.content;

describe("thoughts in the history", () => {
  test("B51: are given back to who signed them, byte for byte, and to nobody else", () => {
    expect(contentOf(signed("claude"), text("ok"))?.[0]).toEqual({
      type: "thinking",
      thinking: "hm",
      signature: "EqoB",
    });
    expect(contentOf(signed(""), text("ok"))?.[0]).toEqual({ type: "thinking", thinking: "hm", signature: "EqoB" });
    expect(contentOf(signed("other"), text("ok"))).toEqual([{ type: "text", text: "ok" }]);
    expect(contentOf({ type: "reasoning", text: "hm", opaque: [] }, text("ok"))).toEqual([
      { type: "text", text: "ok" },
    ]);
    expect(
      contentOf(
        { type: "reasoning", text: "", opaque: [{ origin: "claude", kind: "anthropic-redacted", data: "r" }] },
        text("ok"),
      )?.[0],
    ).toEqual({ type: "redacted_thinking", data: "r" });
  });

  test("are no end of a message", () => {
    expect(contentOf(text("ok"), signed("claude"))).toEqual([{ type: "text", text: "ok" }]);
    expect(rolesOf(encoded({ turns: history(signed("claude")) }).body.messages)).toEqual(["user text text"]);
  });

  test("are not continued", () => {
    const turns = [turn("user", text("x")), turn("assistant", signed("claude"), text("{"))];
    expect(encoded({ turns }, older).body.messages.at(-1)).toEqual({
      role: "assistant",
      content: [{ type: "text", text: "{" }],
    });
  });
});

const block = (part: Part, protocol: Conversation["protocol"] = "openai-chat") =>
  encoded({ protocol, turns: [turn("user", part)] }).body.messages[0]?.content[0];

const inline = (mediaType: string, data: string): Part => ({
  type: "image",
  source: { kind: "base64", mediaType, data },
});

const file = (mediaType: string, data: string, name?: string): Part => ({
  type: "file",
  source: { kind: "base64", mediaType, data },
  name,
});

const base64 = (value: string) => Buffer.from(value).toString("base64");

describe("pictures and files", () => {
  test("are called what their bytes are", () => {
    expect(block(inline("image/png", "/9j/4AAQ"))).toEqual({
      type: "image",
      source: { type: "base64", media_type: "image/jpeg", data: "/9j/4AAQ" },
    });
    expect(block(inline("image/jpg", "AAAA"))).toMatchObject({ source: { media_type: "image/jpeg" } });
    expect(block(inline("image/gif", "R0lG\nODdh"))).toMatchObject({ source: { data: "R0lGODdh" } });
    expect(block(inline("image/png", "iVBORw0K-_8"))).toMatchObject({ source: { data: "iVBORw0K+/8=" } });
    expect(block(file("image/webp", "UklGRgAA"))).toMatchObject({ type: "image" });
  });

  test("go as URLs and PDFs", () => {
    expect(block({ type: "image", source: { kind: "url", url: "https://x/y" } })).toEqual({
      type: "image",
      source: { type: "url", url: "https://x/y" },
    });
    expect(block(file("application/octet-stream", "JVBERi0x", "a.pdf"))).toEqual({
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0x" },
      title: "a.pdf",
    });
    expect(block({ type: "file", source: { kind: "url", url: "https://x/y.pdf" } })).toMatchObject({
      type: "document",
      source: { type: "url" },
    });
    expect(block({ type: "image", source: { kind: "file-id", id: "file_1" } }, "anthropic-messages")).toMatchObject({
      source: { type: "file", file_id: "file_1" },
    });
  });

  test("of text are text", () => {
    expect(block(file("text/markdown; charset=utf-8", base64("# Grüße"), " "))).toEqual({
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "# Grüße" },
    });
    expect(block(file("application/json", base64("{}")))).toMatchObject({ source: { data: "{}" } });
  });

  test.each<[string, Part, string]>([
    ["image/svg+xml", inline("image/svg+xml", "PHN2Zz4="), "image/svg+xml"],
    ["image/heic", inline("image/heic", "AAAA"), "image/heic"],
    ["no type", inline("", "AAAA"), "unknown"],
    ["docx", file("application/vnd.openxmlformats", "UEsDB"), "send a PDF or text"],
    ["an empty picture", inline("image/png", ""), "is empty"],
    ["an empty text", file("text/plain", ""), "is empty"],
    ["sound", { type: "audio", source: { kind: "base64", mediaType: "audio/wav", data: "UklGR" } }, "Sound"],
    ["gs://", { type: "image", source: { kind: "url", url: "gs://x/y" } }, "http(s) URL"],
    ["a foreign file id", { type: "file", source: { kind: "file-id", id: "file-9" } }, "another provider"],
  ])("of the kind %p are refused in words", (_name, part, said) => {
    try {
      block(part);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ status: 400, param: "messages" });
      expect((error as Error).message).toContain(said);
    }
  });

  test("of the assistant's cannot be shown again", () => {
    const { body, fields } = messagesOf(
      turn("user", text("x")),
      turn("assistant", inline("image/png", "iVBORw0KGgo="), text("a")),
      turn("user", text("y")),
    );
    expect(rolesOf(body.messages)).toEqual(["user text", "assistant text", "user text"]);
    expect(fields).toEqual(["messages"]);
  });

  test("that only another protocol knows are lost, and said to be", () => {
    const { fields } = messagesOf(turn("user", text("x"), { type: "opaque", protocol: "gemini-generate", value: {} }));
    expect(fields).toEqual(["messages"]);
  });
});

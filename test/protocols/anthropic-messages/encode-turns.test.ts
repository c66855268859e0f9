import { describe, expect, test } from "bun:test";
import type { Conversation } from "../../../src/protocols/canonical/conversation.ts";
import { conversationOf } from "../../support/conversation.ts";
import { codec, encoded, messagesOf, newest, older, rolesOf, targetOf, text, turn } from "./samples.ts";

test("the plainest request is a model, a limit and a message", () => {
  expect(encoded({}).body).toEqual({
    model: "claude-opus-5",
    max_tokens: 128_000,
    messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
  });
  expect(encoded({ stream: true }).body["stream"]).toBe(true);
  expect(encoded({}, targetOf({ maxOutputTokens: undefined })).body["max_tokens"]).toBe(32_000);
});

describe("system turns", () => {
  test("that come first are the system, one text as such and several as blocks", () => {
    const one = encoded({ turns: [turn("developer", text("Be brief.")), turn("user", text("Hi"))] });
    expect(one.body["system"]).toBe("Be brief.");
    const several = encoded({
      turns: [
        turn("system", text("a"), text(" ")),
        turn("developer", { type: "text", text: "b", cache: { ttl: undefined } }),
        turn("user", text("Hi")),
      ],
    });
    expect(several.body["system"]).toEqual([
      { type: "text", text: "a" },
      { type: "text", text: "b", cache_control: { type: "ephemeral" } },
    ]);
  });

  const mid = [
    turn("user", text("a")),
    turn("system", text("s")),
    turn("user", text("b")),
    turn("assistant", text("c")),
    turn("system", text("t")),
    turn("user", text("d")),
  ];

  test("between others stand behind the user's words, where the model takes them", () => {
    expect(
      encoded({ turns: mid }, newest).body.messages.map(({ role, content }) => [
        role,
        ...content.map((block) => block["text"]),
      ]),
    ).toEqual([
      ["user", "a", "b"],
      ["system", "s"],
      ["assistant", "c"],
      ["user", "d"],
      ["system", "t"],
    ]);
  });

  test("between others are reminders for a model that does not", () => {
    expect(encoded({ turns: mid }, older).body.messages[0]?.content.map((block) => block["text"])).toEqual([
      "a",
      "b",
      "<system-reminder>\ns\n</system-reminder>",
    ]);
  });

  test("with no words of the user's before them are reminders too", () => {
    const { body } = encoded({
      turns: [turn("user", text("a")), turn("assistant", text("b")), turn("system", text("s"))],
    });
    expect(body.messages.at(-1)).toEqual({
      role: "user",
      content: [{ type: "text", text: "<system-reminder>\ns\n</system-reminder>" }],
    });
  });

  test("alone are what the model is asked", () => {
    expect(encoded({ turns: [turn("system", text("Say hi."))] }).body).toMatchObject({
      messages: [{ role: "user", content: [{ type: "text", text: "Say hi." }] }],
    });
  });
});

const empty = (protocol: Conversation["protocol"]) => () =>
  codec.request.encode(conversationOf({ protocol, turns: [] }), newest);

describe("turns", () => {
  test("of one speaker in a row are one message", () => {
    const { body } = messagesOf(
      turn("user", text("a")),
      turn("user", text("b")),
      turn("assistant", text("c")),
      turn("assistant", text("d")),
      turn("user", text("e")),
    );
    expect(rolesOf(body.messages)).toEqual(["user text text", "assistant text text", "user text"]);
  });

  test("of nothing are left out, and with them their messages", () => {
    const { body } = messagesOf(
      turn("user", text("a")),
      turn("assistant", text(" \n"), text("")),
      turn("user", text("b")),
      turn("assistant", text("c")),
      turn("user", text("")),
      turn("assistant", text("d")),
      turn("user", text("e")),
    );
    expect(rolesOf(body.messages)).toEqual(["user text text", "assistant text text", "user text"]);
  });

  test("that begin with the assistant begin with a word of the user's", () => {
    const { body } = messagesOf(turn("assistant", text("Hello!")), turn("user", text("Hi")));
    expect(rolesOf(body.messages)).toEqual(["user text", "assistant text", "user text"]);
  });

  test("of nothing at all are refused, by the client's own name for them", () => {
    expect(empty("openai-chat")).toThrow("`messages` holds no text");
    expect(empty("openai-responses")).toThrow("`input` holds no text");
    expect(empty("gemini-generate")).toThrow("`contents` holds no text");
  });

  test("with half a character are mended", () => {
    expect(encoded({ turns: [turn("user", text("a\ud83d"))] }).body.messages[0]?.content[0]?.["text"]).toBe("a\ufffd");
  });
});

describe("a last turn of the assistant's", () => {
  const turns = [turn("user", text("JSON?")), turn("assistant", text("{  \n"))];

  test("is continued where the model can, without the space at its end", () => {
    const { body, losses } = encoded({ turns }, older);
    expect(body.messages.at(-1)).toEqual({ role: "assistant", content: [{ type: "text", text: "{" }] });
    expect(losses).toEqual([]);
  });

  test("is followed by a word of the user's where it cannot", () => {
    for (const attempt of [
      encoded({ turns }, newest),
      encoded({ turns, reasoning: { effort: "low" } }, older),
      encoded(
        {
          turns,
          format: { type: "schema", name: "x", description: undefined, schema: { type: "object" }, strict: true },
        },
        older,
      ),
    ]) {
      expect(attempt.body.messages.at(-1)).toEqual({ role: "user", content: [{ type: "text", text: "Continue." }] });
      expect(attempt.fields).toContain("messages");
    }
  });
});

import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { createTranslatedStream, restoreTools, type ToolChanges } from "../../src/gateway/translated-stream.ts";
import type { ClientView } from "../../src/protocols/canonical/codec.ts";
import type { Answer, Part } from "../../src/protocols/canonical/conversation.ts";
import type { StreamEvent } from "../../src/protocols/canonical/stream.ts";
import type { ProtocolId, StreamEditor } from "../../src/protocols/protocol.ts";
import { protocols } from "../../src/protocols/registry.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../src/lib/latin1.ts";
import { conversationOf, viewOf } from "../support/conversation.ts";
import { wires } from "../support/replay-wires.ts";
import type { Script, ScriptPart } from "../support/wire/wire.ts";

const text = "Grüße aus Zürich, 世界 👋🏽";
const usage = { input: 21, cacheRead: 8, cacheWrite: 0, output: 13, reasoning: 7 } as const;
const parts: readonly ScriptPart[] = [
  { type: "reasoning", text: "Let me think – «it» 🤔.", signature: "c2lnbmF0dXJl" },
  { type: "text", text },
  { type: "tool_call", id: "call_1", name: "get_weather_x", input: '{"city":"Zürich"}' },
];
const script: Script = { id: "up-1", model: "up-model", parts, finish: "tool_calls", usage };

const upstreams = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate", "ollama-chat"] as const;

function viewFor(protocol: ProtocolId): ClientView {
  const model = "shown-model";
  return viewOf({ model, conversation: conversationOf({ protocol, model, turns: [] }), startedAt: 1_790_000_000_000 });
}

interface Translation {
  client?: ProtocolId;
  upstream?: ProtocolId;
  tools?: ToolChanges;
  textLimit?: number;
  onEvent?: (event: StreamEvent) => void;
}

function translator({
  client = "anthropic-messages",
  upstream = "openai-chat",
  tools = {},
  textLimit = 1000,
  onEvent,
}: Translation = {}): StreamEditor {
  return createTranslatedStream({
    decoder: protocols[upstream].codec.stream.createDecoder({ origin: "up" }),
    encoder: protocols[client].codec.stream.createEncoder(viewFor(client)),
    tools,
    textLimit,
    onEvent,
  });
}

function eventsFrom(upstream: ProtocolId, played: Script = script): string[] {
  return wires[upstream].stream(played).events.map(latin1OfUtf8);
}

/** Everything that came out, with ids and times that differ from run to run made alike. */
function translated(editor: StreamEditor, pieces: readonly string[]): string {
  const output = [...pieces.map((piece) => editor.push(piece)), editor.end()].map((step) => {
    if (step.failure !== undefined) throw step.failure;
    return step.output;
  });
  return utf8OfLatin1(output.join(""));
}

/** Ids that are made anew, and times. */
const made = [
  /(?:rsn|resp|msg|rs|fc|chatcmpl)_?-?[0-9a-z]{24}|"responseId":"[0-9a-z]{24}"/g,
  /"(?:created|created_at|completed_at)":"?[\w:.-]+"?/g,
  /"(?:total|load|prompt_eval|eval)_duration":\d+/g,
];

function alike(stream: string): string {
  return made.reduce((rest, pattern) => rest.replace(pattern, ""), stream);
}

describe.each(upstreams)("a stream of %s", (upstream) => {
  test.each(upstreams.filter((id) => id !== upstream))("is whole for a client of %s, however it was cut", (client) => {
    const events = eventsFrom(upstream);
    const whole = translated(translator({ client, upstream }), events);
    expect(wires[client].problemsOf(whole)).toEqual([]);
    const content = wires[client].contentOf(whole);
    expect(content.text).toBe(text);
    expect(content.calls).toEqual([{ name: "get_weather_x", input: { city: "Zürich" } }]);
    const all = events.join("");
    for (let cut = 1; cut < all.length; cut += 41) {
      const again = translated(translator({ client, upstream }), [all.slice(0, cut), all.slice(cut)]);
      expect(alike(again)).toBe(alike(whole));
    }
  });

  test("says what happened", () => {
    const editor = translator({ upstream });
    expect([editor.hasContent(), editor.isComplete(), editor.isEnded()]).toEqual([false, false, false]);
    translated(editor, eventsFrom(upstream));
    expect([editor.hasContent(), editor.isComplete()]).toEqual([true, true]);
    const { observation } = editor;
    // Thoughts are no answer's text.
    expect(observation.text).toBe(`${text}[tool get_weather_x] {"city":"Zürich"}`);
    const { input = 0, cacheRead = 0 } = observation.usage ?? {};
    expect(input + cacheRead).toBe(29);
    expect(observation.contentEvents).toBeGreaterThan(2);
    expect(observation.finishReason).toBeString();
  });

  test("is not complete when it is cut, wherever", () => {
    const events = eventsFrom(upstream);
    const last = upstream === "anthropic-messages" || upstream === "openai-chat" ? 3 : 1;
    for (let count = 0; count <= events.length - last - 1; count += 1) {
      const editor = translator({ upstream });
      translated(editor, events.slice(0, count));
      expect([count, editor.isComplete()]).toEqual([count, false]);
    }
  });

  test("ends with what failed in it, and with all that came before", () => {
    for (const client of upstreams) {
      const editor = translator({ client, upstream });
      const half = eventsFrom(upstream).slice(0, 6);
      const before = half.map((event) => editor.push(event).output).join("");
      let step = editor.push(latin1OfUtf8(wires[upstream].failureInStream("It broke, ä.")));
      // Google's has no line end.
      if (step.failure === undefined) step = editor.end();
      expect(step.failure?.message).toBe("It broke, ä.");
      const ending = editor.fail?.(step.failure as GatewayError) ?? "";
      expect(editor.isComplete()).toBe(false);
      expect(wires[client].problemsOf(utf8OfLatin1(before + step.output + ending))).toEqual([]);
      expect(utf8OfLatin1(ending)).toContain("It broke, ä.");
    }
  });
});

describe("tools that the request had to change", () => {
  const toolNames = new Map([["get_weather_x", "weather: «x»"]]);

  test("have their own names again, in streams and whole answers", () => {
    const seen: StreamEvent[] = [];
    const stream = translated(
      translator({ tools: { toolNames }, onEvent: (event) => seen.push(event) }),
      eventsFrom("openai-chat"),
    );
    expect(wires["anthropic-messages"].contentOf(stream).calls[0]?.name).toBe("weather: «x»");
    expect(JSON.stringify(seen)).toContain("weather: «x»");
    const call: Part = { type: "tool_call", id: "c", name: "get_weather_x", kind: "function", input: "{}" };
    const answer: Answer = {
      id: "a",
      model: undefined,
      parts: [call],
      finish: { reason: "tool_calls", raw: "tool_use" },
      usage: undefined,
      costUsd: undefined,
    };
    expect(restoreTools(answer, { toolNames }).parts).toEqual([{ ...call, name: "weather: «x»" }]);
    expect(restoreTools(answer, {})).toBe(answer);
    const written = restoreTools(answer, { answerTool: "get_weather_x" });
    expect(written.parts).toEqual([{ type: "text", text: "{}" }]);
    expect(written.finish).toEqual({ reason: "end", raw: "tool_use" });
  });

  test("are text where one only stood for the answer's JSON", () => {
    const json = '{"city":"Zürich"}';
    const call = { type: "tool_call", id: "call_1", name: "answer", input: json } as const;
    for (const upstream of upstreams) {
      const pieces = eventsFrom(upstream, { ...script, parts: [call] });
      const stream = translated(
        translator({ upstream, client: "openai-chat", tools: { answerTool: "answer" } }),
        pieces,
      );
      const content = wires["openai-chat"].contentOf(stream);
      expect(JSON.parse(content.text)).toEqual(JSON.parse(json));
      expect(content.calls).toEqual([]);
      expect(content.finish).toBe("stop");
    }
  });

  test("stay calls beside it", () => {
    const mixed = [
      { type: "tool_call", id: "call_1", name: "answer", input: "{}" },
      { type: "tool_call", id: "call_2", name: "look", input: "{}" },
    ] as const;
    const stream = translated(
      translator({ client: "openai-chat", upstream: "anthropic-messages", tools: { answerTool: "answer" } }),
      eventsFrom("anthropic-messages", { ...script, parts: mixed }),
    );
    const content = wires["openai-chat"].contentOf(stream);
    expect([content.calls.map(({ name }) => name), content.finish]).toEqual([["look"], "tool_calls"]);
  });
});

test("the kept text has its limit, and none is kept where none shall be", () => {
  for (const textLimit of [0, 5, 30]) {
    const editor = translator({ textLimit });
    translated(editor, eventsFrom("openai-chat"));
    expect(editor.observation.text).toBe(`${text}[tool get_weather_x] {"city":"Zürich"}`.slice(0, textLimit));
  }
});

test("an event that never ends is a failure, not a growing heap", () => {
  const editor = translator();
  const piece = "x".repeat(1024 * 1024);
  let failure = editor.push('data: {"id":"').failure;
  for (let count = 0; count < 6 && failure === undefined; count += 1) ({ failure } = editor.push(piece));
  expect(failure).toMatchObject({ code: "upstream_invalid_response", status: 502 });
});

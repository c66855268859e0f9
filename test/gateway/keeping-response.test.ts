import { expect, test } from "bun:test";
import { keepingResponse } from "../../src/gateway/keeping-response.ts";
import { latin1OfUtf8 } from "../../src/lib/latin1.ts";
import { openaiResponses } from "../../src/protocols/openai-responses/index.ts";
import type { StreamEditor } from "../../src/protocols/protocol.ts";
import { wires } from "../support/replay-wires.ts";
import type { Script } from "../support/wire/wire.ts";

const wire = wires["openai-responses"];
const usage = { input: 3, cacheRead: 0, cacheWrite: 0, output: 5, reasoning: 0 };
// A text that quotes what ends a stream.
const text = 'Grüße 👋🏽: {"type":"response.completed","response":{"id":"fake"}}\n\n';
const script: Script = { id: "up-1", model: "up", parts: [{ type: "text", text }], finish: "end", usage };

type Kept = Readonly<Record<string, unknown>>;

function watched(kept: Kept[]): StreamEditor {
  const editor = openaiResponses.createStreamEditor({ modelShown: "shown", hideUsage: false, textLimit: 100 });
  return keepingResponse(editor, (response) => void kept.push(response));
}

function run(editor: StreamEditor, pieces: readonly string[]): string {
  return [...pieces.map((piece) => editor.push(piece)), editor.end()].map(({ output }) => output).join("");
}

function streamOf(changes: Partial<Script> = {}): string {
  return latin1OfUtf8(wire.stream({ ...script, ...changes }).events.join(""));
}

test("the response that ends a stream is handed on once, wherever the stream was cut", () => {
  const stream = streamOf();
  const expected: Kept[] = [];
  const whole = run(watched(expected), [stream]);
  expect(expected).toHaveLength(1);
  expect(expected[0]).toMatchObject({ status: "completed", model: "shown" });
  expect(JSON.stringify(expected[0]?.["output"])).toContain("Grüße 👋🏽");
  for (let cut = 1; cut < stream.length; cut += 13) {
    const kept: Kept[] = [];
    expect(run(watched(kept), [stream.slice(0, cut), stream.slice(cut)])).toBe(whole);
    expect(kept).toEqual(expected);
  }
});

test("an answer that is too short is one too", () => {
  const kept: Kept[] = [];
  run(watched(kept), [streamOf({ finish: "length" })]);
  expect(kept).toMatchObject([{ status: "incomplete" }]);
});

test("a stream that broke or failed has none", () => {
  const stream = streamOf();
  for (const broken of [stream.slice(0, -300), latin1OfUtf8(wire.failureInStream("gone")), "", "data: {\n\n"]) {
    const kept: Kept[] = [];
    run(watched(kept), [broken]);
    expect(kept).toEqual([]);
  }
});

test("the editor behind it is asked for everything else", () => {
  const editor = watched([]);
  expect([editor.hasContent(), editor.isComplete(), editor.isEnded()]).toEqual([false, false, false]);
  run(editor, [streamOf()]);
  expect([editor.hasContent(), editor.isComplete(), editor.isEnded()]).toEqual([true, true, true]);
  expect(editor.observation.usage).toMatchObject({ input: 3, output: 5 });
});

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import type { EditorOptions, Protocol } from "../../../src/protocols/protocol.ts";
import { ollamaGenerate } from "../../../src/protocols/ollama-generate/index.ts";
import { ollamaChatWire } from "../../support/wire/ollama-chat.ts";
import { ollamaGenerateWire } from "../../support/wire/ollama-generate.ts";
import { editPieces } from "../whole-stream.ts";
import { done, lines, said, scripts, valuesOf } from "./rig.ts";

const options: EditorOptions = { modelShown: "größe", hideUsage: false, textLimit: 1000 };
const sides = [
  { protocol: ollamaChat, wire: ollamaChatWire },
  { protocol: ollamaGenerate, wire: ollamaGenerateWire },
];

function run(
  pieces: readonly string[],
  { protocol = ollamaChat, ...changes }: Partial<EditorOptions> & { protocol?: Protocol } = {},
) {
  const editor = protocol.createStreamEditor({ ...options, ...changes });
  const { output, failure } = editPieces(editor, pieces);
  const { observation } = editor;
  const state = [editor.hasContent(), editor.isComplete(), editor.isEnded()];
  return { output, failure, observation, state };
}

for (const { protocol, wire } of sides)
  describe(protocol.id, () => {
    for (const [name, script] of Object.entries(scripts)) {
      const stream = wire.stream(script).events.join("");
      const input = latin1OfUtf8(stream);
      const expected = stream.replaceAll('"model":"m"', '"model":"größe"');

      test(`a stream of ${name} changes in its model alone, wherever it is cut`, () => {
        const whole = run([input], { protocol });
        expect(utf8OfLatin1(whole.output)).toBe(expected);
        expect(whole.state).toEqual([true, true, true]);
        for (let at = 0; at <= input.length; at += 1)
          expect(run([input.slice(0, at), input.slice(at)], { protocol })).toEqual(whole);
        expect(run(Array.from(input), { protocol })).toEqual(whole);
      });

      test(`a stream of ${name} stays byte for byte when the upstream's model is to be shown`, () => {
        expect(run([input], { protocol, modelShown: undefined }).output).toBe(input);
      });

      test(`an answer of ${name} changes in its model alone and is observed as its stream is`, () => {
        const { body } = wire.whole(script);
        const edited = protocol.editAnswer(latin1OfUtf8(body), options);
        expect(utf8OfLatin1(edited.output)).toBe(body.replace('"model":"m"', '"model":"größe"'));
        const { contentEvents: _whole, ...seen } = edited.observation;
        const { contentEvents: _stream, ...seenInStream } = run([input], { protocol }).observation;
        expect(seen).toEqual(seenInStream);
      });

      test(`an answer of ${name} where a stream was asked for becomes one that says the same`, () => {
        const { body } = wire.whole(script);
        const made = utf8OfLatin1(protocol.streamOf(latin1OfUtf8(body)));
        expect(wire.contentOf(made)).toEqual(wire.contentOf(body));
        expect(wire.problemsOf(made).filter((problem) => !problem.includes("with index"))).toEqual([]);
      });
    }
  });

test("what was served, what it cost and what was said are observed", () => {
  const stream = latin1OfUtf8(ollamaChatWire.stream(scripts["calls"]!).events.join(""));
  expect(run([stream]).observation).toMatchObject({
    model: "m",
    finishReason: "stop",
    usage: { input: 16, cacheRead: undefined, cacheWrite: undefined, output: 10, reasoning: undefined },
    text: 'I shall look.[tool get_weather] {"city":"Zürich","days":2}[tool get_time] {}',
  });
});

test("empty lines and what is no JSON go on as they are", () => {
  const stream = `\n{"half\n[1]\n${lines(said({ content: "x" }), done())}`;
  expect(run([stream], { modelShown: undefined }).output).toBe(stream);
});

describe("content is", () => {
  const cases: [string, Record<string, unknown>, boolean][] = [
    ["text", said({ content: "x" }), true],
    ["a thought", said({ content: "", thinking: "x" }), true],
    ["a call", said({ content: "", tool_calls: [{ function: { name: "f", arguments: {} } }] }), true],
    ["the end", done(), true],
    ["not an empty text", said({ content: "" }), false],
    ["not an empty list of calls", said({ content: "", tool_calls: [] }), false],
    ["not a text that is none", said({ content: 5, thinking: [], tool_calls: "x" }), false],
  ];
  for (const [name, line, expected] of cases) test(name, () => expect(run([lines(line)]).state[0]).toBe(expected));
});

test("nothing behind the end counts", () => {
  const { output } = run([lines(done(), said({ content: "more" })), lines({ error: "late" })], {
    modelShown: undefined,
  });
  expect(output).toBe(lines(done()));
});

test("a stream without its end is not complete", () => {
  expect(run([lines(said({ content: "x" }))]).state).toEqual([true, false, false]);
});

test("half a line is not passed on, a whole one without its line end is", () => {
  expect(run([`${lines(said({ content: "x" }))}{"model":`], { modelShown: undefined }).output).toBe(
    lines(said({ content: "x" })),
  );
  expect(run([lines(done()).trimEnd()], { modelShown: undefined })).toMatchObject({
    output: lines(done()),
    state: [true, true, true],
  });
});

describe("an error in the stream is a failure", () => {
  for (const error of ["model runner has unexpectedly stopped", { message: "model runner has unexpectedly stopped" }])
    test(JSON.stringify(error), () => {
      const { output, failure } = run([lines(said({ content: "x" }), { error })], { modelShown: undefined });
      expect(output).toBe(lines(said({ content: "x" })));
      expect(failure).toMatchObject({ code: "upstream_error", status: 502, retryable: true });
      expect(failure?.message).toBe("model runner has unexpectedly stopped");
    });
});

test("a field error that says nothing is none", () => {
  for (const error of [null, "", 0]) expect(run([lines({ ...done(), error })]).failure).toBeUndefined();
});

test("an error in an answer with status 200 is a failure", () => {
  expect(ollamaChat.editAnswer('{"error":"no"}', options).failure).toMatchObject({ status: 502, message: "no" });
  expect(ollamaChat.streamOf('{ "error": "no" }')).toBe('{"error":"no"}\n');
});

test("an answer that is none of Ollama's is an upstream's fault", () => {
  for (const answer of ["{}", '{"choices":[]}', "[]", "<html>", ""])
    for (const { protocol } of sides) expect(() => protocol.editAnswer(answer, options)).toThrow(GatewayError);
});

test("the answer to a request that loads a model is one", () => {
  const answer =
    '{"model":"m","created_at":"2026-11-20T10:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}';
  expect(ollamaChat.editAnswer(answer, options)).toMatchObject({
    failure: undefined,
    observation: { finishReason: "load" },
  });
  const generated =
    '{"model":"m","created_at":"2026-11-20T10:00:00Z","response":"","done":true,"done_reason":"unload"}';
  expect(ollamaGenerate.editAnswer(generated, options)).toMatchObject({
    failure: undefined,
    observation: { finishReason: "unload" },
  });
});

test("a stream that breaks ends with a line that holds the error as a text", () => {
  const error = new GatewayError({ code: "upstream_error", status: 502, message: "weg – 世界\nline" });
  const editor = ollamaChat.createStreamEditor(options);
  editor.push(lines(said({ content: "x" })));
  const line = editor.fail?.(error) ?? "";
  expect(valuesOf(line)).toEqual([{ error: "weg – 世界\nline" }]);
  expect(line.endsWith("}\n")).toBe(true);
  expect(ollamaChat.error.encodeInStream(error, editor.observation, "m")).toBe(line);
});

describe("a client's error", () => {
  const cases: [Partial<GatewayError> & { code: GatewayError["code"]; status: number }, number][] = [
    [{ code: "invalid_request", status: 400 }, 400],
    [{ code: "invalid_api_key", status: 401 }, 401],
    [{ code: "insufficient_quota", status: 402 }, 402],
    [{ code: "model_not_found", status: 404 }, 404],
    [{ code: "rate_limit_exceeded", status: 429 }, 429],
    [{ code: "upstream_error", status: 502 }, 502],
    [{ code: "upstream_overloaded", status: 503 }, 503],
    [{ code: "upstream_timeout", status: 504 }, 504],
  ];
  for (const [{ code, status }, expected] of cases)
    test(`${code} has the status ${expected} and a text`, () => {
      const encoded = ollamaChat.error.encode(
        new GatewayError({ code, status, message: "why", retryAfterSeconds: 2.2 }),
      );
      expect(encoded).toEqual({
        status: expected,
        body: '{"error":"why"}',
        headers: { "content-type": "application/json", "retry-after": "3" },
      });
    });
});

function decode(status: number, body: string): GatewayError {
  return ollamaChat.error.decode({ status, body, headers: new Headers() });
}

test("an upstream's refusal is read from its text", () => {
  expect(decode(404, '{"error":"model \\"x\\" not found, try pulling it first"}')).toMatchObject({
    code: "model_not_found",
    message: 'model "x" not found, try pulling it first',
  });
  expect(decode(500, "broken")).toMatchObject({ code: "upstream_error", retryable: true });
});

test("streams are lines of JSON without heartbeats", () => {
  expect(ollamaChat.streamType("events")).toBe("application/x-ndjson");
  expect([ollamaChat.heartbeat, ollamaGenerate.heartbeat]).toEqual(["", ""]);
});

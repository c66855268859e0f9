import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { geminiGenerate } from "../../../src/protocols/gemini-generate/index.ts";
import type { EditorOptions, StreamEditor } from "../../../src/protocols/protocol.ts";
import { editPieces } from "../whole-stream.ts";
import { response, streamOf, wire, type Json } from "./samples.ts";

const options: EditorOptions = { modelShown: "smärt", hideUsage: false, textLimit: 1000 };
const inArray: EditorOptions = { ...options, framing: "array" };
const usage = { promptTokenCount: 12, cachedContentTokenCount: 2, candidatesTokenCount: 3, thoughtsTokenCount: 4 };
const broken = new GatewayError({ code: "upstream_error", status: 502, message: "The upstream broke “off”." });

/** What a stream becomes, cut into pieces. */
function run(editor: StreamEditor, stream: string, size = stream.length) {
  const count = stream === "" ? 0 : Math.ceil(stream.length / size);
  return editPieces(
    editor,
    Array.from({ length: count }, (_none, index) => stream.slice(index * size, (index + 1) * size)),
  );
}

const edit = (stream: string, size?: number, to: EditorOptions = options) =>
  run(geminiGenerate.createStreamEditor(to), stream, size);

const sample = streamOf(
  response([{ text: "Denk…", thought: true }]),
  response([{ text: "Grüße 👋" }], { usage }),
  response([{ functionCall: { name: "f", args: { a: "ü" } }, thoughtSignature: "CiQ=" }]),
  response([{ text: "" }], { finishReason: "STOP", usage }),
);
const shown = sample.replaceAll('"gemini-3.8-flash"', latin1OfUtf8('"smärt"'));

describe("a stream of events", () => {
  test("goes through byte for byte but for the model's name", () => {
    const { output, failure, editor } = edit(sample);
    expect(output).toBe(shown);
    expect(failure).toBeUndefined();
    expect([editor.hasContent(), editor.isComplete()]).toEqual([true, true]);
    expect(editor.observation).toEqual({
      usage: { input: 10, cacheRead: 2, cacheWrite: undefined, output: 3, reasoning: 4 },
      costUsd: undefined,
      upstreamId: "resp1",
      model: "gemini-3.8-flash",
      finishReason: "STOP",
      text: 'Grüße 👋[tool f] {"a":"ü"}',
      contentEvents: 3,
      answerBytes: 29,
    });
  });

  test("comes out the same wherever it is cut", () => {
    for (let at = 0; at <= sample.length; at += 1) {
      const editor = geminiGenerate.createStreamEditor(options);
      expect(editPieces(editor, [sample.slice(0, at), sample.slice(at)]).output).toBe(shown);
    }
  });

  test("keeps odd spacing, comments, unknown members and broken events", () => {
    const odd = `: hi\n\nid: 7\ndata:{"modelVersion" :  "x","n":1.0,"y":"\\u0041"}\n\ndata: {broken\n\nevent: z\n\n`;
    const finish = streamOf(response([], { finishReason: "STOP" }));
    expect(edit(odd + finish).output).toBe(
      odd.replace('"x"', latin1OfUtf8('"smärt"')) + finish.replace('"gemini-3.8-flash"', latin1OfUtf8('"smärt"')),
    );
  });

  test("leaves the upstream's own name where none is to be shown", () => {
    expect(edit(sample, undefined, { ...options, modelShown: undefined }).output).toBe(sample);
  });

  test("role and usage alone are no content, thoughts and a finish reason are", () => {
    const contents = [
      response([]),
      response([{ text: "" }], { usage }),
      response([{ text: "", thoughtSignature: "Q2k=" }]),
      response([{ text: "hm", thought: true }]),
      response([{ functionCall: {} }]),
      response([{ inlineData: { mimeType: "image/png", data: "aGk=" } }]),
      response([], { finishReason: "MAX_TOKENS" }),
      { promptFeedback: { blockReason: "SAFETY" } },
    ].map((value) => edit(streamOf(value)).editor.hasContent());
    expect(contents).toEqual([false, false, false, true, true, true, true, true]);
  });

  test("a blocked prompt is a whole answer", () => {
    const { editor } = edit(streamOf({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, modelVersion: "x" }));
    expect([editor.isComplete(), editor.observation.finishReason]).toEqual([true, "PROHIBITED_CONTENT"]);
  });

  test("without a finish reason it was cut; another candidate's does not count", () => {
    const other = { candidates: [{ index: 1, finishReason: "STOP", content: { parts: [{ text: "b" }] } }] };
    const { editor } = edit(streamOf(response([{ text: "a" }]), other));
    expect([editor.hasContent(), editor.isComplete(), editor.observation.text]).toEqual([true, false, "a"]);
  });

  test("an error in an event ends it", () => {
    const error = {
      error: {
        code: 429,
        message: "Quota für heute",
        status: "RESOURCE_EXHAUSTED",
        details: [{ retryDelay: "34.4s" }],
      },
    };
    const first = streamOf(response([{ text: "a" }]));
    for (const size of [1, 7, 10_000]) {
      const { output, failure } = edit(first + streamOf(error) + first, size);
      expect(output).toBe(first.replace('"gemini-3.8-flash"', latin1OfUtf8('"smärt"')));
      expect([failure?.code, failure?.retryAfterSeconds, failure?.message]).toEqual([
        "rate_limit_exceeded",
        34.4,
        "Quota für heute",
      ]);
    }
  });

  test("an error that Google writes bare, over several lines, in brackets or not, ends it", () => {
    const error = JSON.stringify({ error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }, undefined, 2);
    for (const bare of [error, `${error}\n`, `${error}\r\n\r\n`, `[${error}\n]`, `\n${error}`]) {
      const { failure } = edit(streamOf(response([{ text: "a" }])) + bare);
      expect(failure?.code).toBe("upstream_overloaded");
    }
  });

  test("half an event at the end is kept back, a whole one without its blank line is not", () => {
    const last = `data: ${JSON.stringify(response([], { finishReason: "STOP" }))}`;
    expect(edit(last.slice(0, -5)).output).toBe("");
    expect(edit(last).output).toEndWith('"resp1"}\n\n');
    expect(edit(last).editor.isComplete()).toBe(true);
  });

  test("its breaking is told as an event", () => {
    const { output, editor } = edit(streamOf(response([{ text: "a" }])));
    const ending = editor.fail?.(broken) ?? "";
    expect(JSON.parse(utf8OfLatin1(ending).slice("data: ".length))).toEqual({
      error: { code: 502, message: "The upstream broke “off”.", status: "INTERNAL" },
    });
    expect(ending).toBe(geminiGenerate.error.encodeInStream(broken, editor.observation, "x"));
    expect(wire.problemsOf(output + ending)).toEqual([]);
  });
});

describe("a stream as one JSON array", () => {
  const elements = [response([{ text: "Grüße 👋" }]), response([{ text: "" }], { finishReason: "STOP", usage })];
  const json = elements.map((value) => latin1OfUtf8(JSON.stringify(value).replace("gemini-3.8-flash", "smärt")));

  test("has the same objects byte for byte, the first at once", () => {
    const editor = geminiGenerate.createStreamEditor(inArray);
    expect(editor.push(streamOf(elements[0] ?? {})).output).toBe(`[${json[0]}`);
    expect(editor.push(`: ping\r\n\r\n${streamOf(elements[1] ?? {})}`).output).toBe(`,\r\n${json[1]}`);
    expect(editor.isComplete()).toBe(true);
    expect(editor.end().output).toBe("]");
    expect(editor.fail?.(broken)).toBe("");
  });

  test("comes out the same wherever it is cut, with blank lines between as white space", () => {
    const stream = streamOf(...elements);
    for (let at = 0; at <= stream.length; at += 1) {
      const editor = geminiGenerate.createStreamEditor(inArray);
      const outputs = [
        editor.push(stream.slice(0, at)).output,
        editor.push(stream.slice(at)).output,
        editor.end().output,
      ];
      expect(outputs.join("")).toBe(`[${json.join(",\r\n")}]`);
      expect(wire.problemsOf(utf8OfLatin1(outputs.join(geminiGenerate.heartbeat)))).toEqual([]);
    }
  });

  test("what is no JSON object would break it, and falls away", () => {
    const { output } = edit(`data: [DONE]\n\ndata: {broken\n\n${streamOf(...elements)}`, undefined, inArray);
    expect(output).toBe(`[${json.join(",\r\n")}]`);
  });

  test("one that was cut is not closed; its breaking is the last element", () => {
    const { output, editor } = edit(streamOf(elements[0] ?? {}), undefined, inArray);
    expect(output).toBe(`[${json[0]}`);
    const whole = output + (editor.fail?.(broken) ?? "");
    expect((JSON.parse(utf8OfLatin1(whole)) as Json[]).map((element) => Object.keys(element)[0])).toEqual([
      "candidates",
      "error",
    ]);
    expect(wire.problemsOf(utf8OfLatin1(whole))).toEqual([]);
    expect(editor.fail?.(broken)).toBe("");
  });

  test("an error before everything is the only element", () => {
    const { output, failure, editor } = edit(streamOf({ error: { code: 500, message: "x" } }), undefined, inArray);
    expect([output, failure?.code]).toEqual(["", "upstream_error"]);
    expect(JSON.parse(editor.fail?.(broken).replaceAll(/[^ -~]/g, "?") ?? "")).toHaveLength(1);
  });
});

describe("an answer in one piece", () => {
  test("goes through byte for byte but for the model's name", () => {
    const text = latin1OfUtf8(
      JSON.stringify(response([{ text: "Grüße" }], { finishReason: "STOP", usage }), undefined, 2),
    );
    const edited = geminiGenerate.editAnswer(text, options);
    expect(edited.output).toBe(text.replace('"gemini-3.8-flash"', latin1OfUtf8('"smärt"')));
    expect(edited.observation).toMatchObject({ text: "Grüße", finishReason: "STOP", contentEvents: 1 });
  });

  test("that is none is refused, and a failure in it is found", () => {
    expect(() => geminiGenerate.editAnswer("{}", options)).toThrow("has no `candidates`");
    expect(() => geminiGenerate.editAnswer("[]", options)).toThrow("no JSON object");
    expect(() => geminiGenerate.editAnswer("<html>", options)).toThrow("no JSON object");
    expect(geminiGenerate.editAnswer('{"error":{"code":403}}', options).failure?.code).toBe(
      "upstream_rejected_credential",
    );
    expect(geminiGenerate.editAnswer('{"promptFeedback":{"blockReason":"SAFETY"}}', options).failure).toBeUndefined();
  });

  test("becomes a stream of one event when an upstream ignored that one was asked for", () => {
    const text = latin1OfUtf8(
      JSON.stringify(response([{ text: "Grü\nße" }], { finishReason: "STOP", usage }), undefined, 2),
    );
    const stream = geminiGenerate.streamOf(text);
    expect(wire.problemsOf(stream)).toEqual([]);
    expect(wire.contentOf(utf8OfLatin1(stream)).text).toBe("Grü\nße");
    expect(edit(stream, undefined, inArray).output).toStartWith("[{");
  });
});

test("streams have the type of their framing", () => {
  expect([geminiGenerate.streamType("events"), geminiGenerate.streamType("array")]).toEqual([
    "text/event-stream",
    "application/json",
  ]);
});

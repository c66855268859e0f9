import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import type { StreamEditor } from "../../../src/protocols/protocol.ts";
import { newObservation } from "../../../src/protocols/protocol.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import { editPieces } from "../whole-stream.ts";
import {
  eventsOf,
  scriptList,
  scripts,
  shortStream,
  streamOfEvents,
  typesOf,
  upstreamAnswer,
  upstreamStream,
} from "./samples.ts";

const problemsOf = (stream: string) => openaiResponsesWire.problemsOf(stream);
const contentOf = (answer: string) => openaiResponsesWire.contentOf(answer);
const shown = "orcestator-ü";
const sample = scripts["reasoning, text and two calls"] ?? scriptList[0]!;

function editorWith(changes: { modelShown?: string | undefined; textLimit?: number } = {}): StreamEditor {
  return openaiResponses.createStreamEditor({ modelShown: shown, hideUsage: false, textLimit: 1000, ...changes });
}

const run = (pieces: readonly string[], editor = editorWith()) => editPieces(editor, pieces);

/** An upstream's stream with one event less or more. */
function upTo(stream: string, type: string): string {
  return stream.slice(0, stream.indexOf(`event: ${type}\n`));
}

/** Whether a stream of one event has content. */
function isContent(type: string, fields: Readonly<Record<string, unknown>>): boolean {
  return run([streamOfEvents([[type, fields]])]).editor.hasContent();
}

function itemEvent(fields: object) {
  return { output_index: 0, item: { id: "i", ...fields } };
}

describe("a stream", () => {
  test("keeps every byte but the model's name, wherever it is cut", () => {
    for (const script of scriptList) {
      const stream = shortStream(script);
      const expected = stream.replaceAll(
        `"model":${latin1OfUtf8(JSON.stringify(script.model))}`,
        `"model":${latin1OfUtf8(JSON.stringify(shown))}`,
      );
      expect(expected).not.toBe(stream);
      // Every position of the first; of the others enough to meet every kind of event.
      const step = script === scriptList[0] ? 1 : 11;
      for (let at = 0; at <= stream.length; at += step) {
        const { output, editor } = run([stream.slice(0, at), stream.slice(at)]);
        if (output !== expected) throw new Error(`cut at ${at}`);
        if (!editor.isComplete()) throw new Error(`not complete, cut at ${at}`);
      }
      expect(run([stream], editorWith({ modelShown: undefined })).output).toBe(stream);
    }
  });

  test("tells what went by", () => {
    const { editor } = run([upstreamStream(sample)]);
    expect(editor.observation).toMatchObject({
      usage: sample.usage,
      upstreamId: "resp_all",
      model: "m",
      finishReason: "completed",
      text: 'I will look.[tool weather] {"city":"Zürich 😀","days":[1,2]}[tool clock] {}',
    });
    expect(editor.observation.contentEvents).toBeGreaterThan(5);
    expect(run([upstreamStream(scripts["cut by its length"] ?? sample)]).editor.observation.finishReason).toBe(
      "max_output_tokens",
    );
    expect(run([upstreamStream(sample)], editorWith({ textLimit: 4 })).editor.observation.text).toBe("I wi");
  });

  test("has content with the first delta, call or whole item, not with what only announces", () => {
    const response = { id: "r", model: "m", output: [] };
    for (const type of ["response.created", "response.queued", "response.in_progress"])
      expect(isContent(type, { response })).toBe(false);
    expect(isContent("response.output_item.added", itemEvent({ type: "message", content: [] }))).toBe(false);
    expect(isContent("response.output_item.added", itemEvent({ type: "reasoning", summary: [] }))).toBe(false);
    expect(isContent("response.content_part.added", { part: { type: "output_text", text: "" } })).toBe(false);
    expect(isContent("response.output_item.added", itemEvent({ type: "function_call", name: "f" }))).toBe(true);
    expect(isContent("response.output_text.delta", { delta: "x" })).toBe(true);
    expect(isContent("response.reasoning_summary_text.delta", { delta: "x" })).toBe(true);
    const said = { type: "message", content: [{ type: "output_text", text: "x" }] };
    expect(isContent("response.output_item.done", itemEvent(said))).toBe(true);
    expect(isContent("response.output_item.done", itemEvent({ type: "message", content: [] }))).toBe(false);
    expect(isContent("response.completed", { response })).toBe(true);
  });

  test("ends with its terminal event; [DONE] is neither needed nor in the way", () => {
    const stream = upstreamStream(sample);
    const { output, editor } = run([`${stream}data: [DONE]\n\n`]);
    expect(output).not.toContain("[DONE]");
    expect([editor.isComplete(), editor.isEnded()]).toEqual([true, true]);
    const cut = run([upTo(stream, "response.completed")]);
    expect([cut.editor.isComplete(), cut.editor.isEnded()]).toEqual([false, false]);
    const early = run([`data: [DONE]\n\n${stream}`]);
    expect(early.output.startsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("comments and unknown events pass, and a model's name elsewhere stays", () => {
    const stream = `: ping\n\nevent: response.new\ndata: {"type":"response.new","item":{"model":"other"},"mod\\u0065l":"m"}\n\n`;
    expect(run([stream]).output).toBe(stream.replace('"m"', latin1OfUtf8(JSON.stringify(shown))));
  });
});

describe("a stream that fails", () => {
  const error = new GatewayError({ code: "upstream_timeout", status: 504, message: "Silence" });

  test("B61: an upstream's `error` is followed by response.failed, numbered on and with the output so far", () => {
    const begun = upTo(upstreamStream(sample), "response.function_call_arguments.done");
    const failure = `event: error\ndata: {"type":"error","sequence_number":99,"error":{"type":"server_error","code":"server_error","message":"Oh","param":null}}\n\n`;
    const { output, failure: decoded, editor } = run([begun + failure]);
    expect(decoded).toMatchObject({ code: "upstream_error", message: "Oh" });
    const stream = utf8OfLatin1(output + (editor.fail?.(decoded ?? error) ?? ""));
    expect(problemsOf(stream)).toEqual([]);
    expect(typesOf(stream).slice(-2)).toEqual(["error", "response.failed"]);
    expect(eventsOf(stream).at(-1)).toMatchObject({
      response: {
        id: "resp_all",
        model: shown,
        status: "failed",
        error: { code: "server_error", message: "Oh" },
        output: [{ type: "reasoning" }, { type: "message" }],
      },
    });
  });

  test("B61: response.failed alone is a failure too, before content and behind it", () => {
    const failed = streamOfEvents([
      ["response.failed", { response: { id: "resp_x", error: { code: "rate_limit_exceeded", message: "Slow" } } }],
    ]);
    expect(run([failed]).failure).toMatchObject({ status: 429 });
    const late = run([upTo(upstreamStream(sample), "response.completed") + failed]);
    expect(late.failure).toMatchObject({ status: 429, message: "Slow" });
    expect(late.output).not.toContain("response.failed");
    expect(late.editor.hasContent()).toBe(true);
  });

  test("in any place it is cut, the end fits what went before", () => {
    const stream = upstreamStream(sample);
    let at = 0;
    for (const event of stream.split(/(?<=\n\n)/)) {
      if (event.startsWith("event: response.completed")) break;
      const { output, editor } = run([stream.slice(0, at)]);
      expect(problemsOf(utf8OfLatin1(output + (editor.fail?.(error) ?? "")))).toEqual([]);
      at += event.length;
    }
  });

  test("where the upstream numbers nothing, the end is numbered by what went before", () => {
    const stream = upTo(upstreamStream(sample), "response.completed").replaceAll(/"sequence_number":\d+,/g, "");
    const { output, editor } = run([stream]);
    const events = eventsOf(utf8OfLatin1(output + (editor.fail?.(error) ?? "")));
    expect(events.at(-1)?.sequence_number).toBe(events.length - 1);
  });

  test("without a word of the upstream it is a whole failed stream", () => {
    expect(problemsOf(editorWith({ modelShown: "m" }).fail?.(error) ?? "")).toEqual([]);
    expect(problemsOf(openaiResponses.error.encodeInStream(error, newObservation(), "m"))).toEqual([]);
  });

  test("B59: an error that is no event of the protocol is a failure", () => {
    expect(run([`data: {"error":{"code":502,"message":"Bad gateway"}}\n\n`]).failure).toMatchObject({ status: 502 });
    expect(run([`data: {"type":"response.created","error":null}\n\n`]).failure).toBeUndefined();
  });
});

function edit(text: string, changes: { modelShown?: undefined } = {}) {
  return openaiResponses.editAnswer(text, { modelShown: shown, hideUsage: false, textLimit: 1000, ...changes });
}

describe("an answer in one piece", () => {
  test("keeps every byte but the model's name", () => {
    const text = `{ "model" : "m","output":[{"type":"message","content":[{"type":"output_text","text":"\\u0048i"}],"model":"inner"}], "x":1.0, "usage":{"input_tokens":3,"output_tokens":1} }`;
    const { output, observation, failure } = edit(text);
    expect(output).toBe(text.replace('"m"', latin1OfUtf8(JSON.stringify(shown))));
    expect(failure).toBeUndefined();
    expect(observation).toMatchObject({ model: "m", text: "Hi", contentEvents: 1, usage: { input: 3, output: 1 } });
    expect(edit(text, { modelShown: undefined }).output).toBe(text);
  });

  test("tells what it holds", () => {
    expect(edit(upstreamAnswer(sample)).observation).toMatchObject({
      usage: sample.usage,
      finishReason: "completed",
      text: 'I will look.[tool weather] {"city":"Zürich 😀","days":[1,2]}[tool clock] {}',
    });
  });

  test("a failed one is a failure", () => {
    const { failure } = edit(`{"status":"failed","error":{"code":"server_error","message":"Oh"},"output":[]}`);
    expect(failure).toMatchObject({ code: "upstream_error", message: "Oh" });
    expect(edit(`{"error":{"message":"No","type":"invalid_request_error","code":400}}`).failure).toMatchObject({
      status: 400,
    });
  });

  test.each(["{}", `{"output":"text"}`, "[]", "text", ""])("%j is none", (text) => {
    expect(() => edit(text)).toThrow(GatewayError);
  });
});

describe("a whole answer as a stream", () => {
  test("has the whole life cycle and the same content", () => {
    for (const script of scriptList) {
      const stream = utf8OfLatin1(openaiResponses.streamOf(upstreamAnswer(script)));
      expect(problemsOf(stream)).toEqual([]);
      expect(contentOf(stream)).toEqual(contentOf(openaiResponsesWire.whole(script).body));
    }
  });

  test("keeps items and parts of every kind", () => {
    const annotations = [{ type: "url_citation", url: "u", title: "t", start_index: 0, end_index: 1 }];
    const logprobs = [{ token: "x", logprob: -1, bytes: [], top_logprobs: [] }];
    const output = [
      {
        id: "rs_1",
        type: "reasoning",
        summary: [
          { type: "summary_text", text: "s" },
          { type: "summary_text", text: "" },
        ],
        content: [{ type: "reasoning_text", text: "raw" }],
      },
      {
        id: "msg_1",
        type: "message",
        role: "assistant",
        status: "completed",
        content: [
          { type: "output_text", text: "x", annotations, logprobs },
          { type: "refusal", refusal: "no" },
        ],
      },
      { id: "ctc_1", type: "custom_tool_call", call_id: "c", name: "n", input: "free", status: "completed" },
      { id: "ig_1", type: "image_generation_call", status: "completed", result: "AAAA" },
    ];
    const whole = JSON.stringify({ ...JSON.parse(openaiResponsesWire.whole(sample).body), output });
    const stream = openaiResponses.streamOf(whole);
    expect(problemsOf(stream)).toEqual([]);
    expect(eventsOf(stream).at(-1)).toMatchObject({ response: { output } });
  });

  test("of a failed one ends as failed, and odd values break nothing", () => {
    expect(typesOf(openaiResponses.streamOf(`{"status":"failed","error":{"message":"x"},"output":[]}`)).at(-1)).toBe(
      "response.failed",
    );
    for (const output of [
      `null`,
      `[null,1,"x",{}]`,
      `[{"type":"message","content":[null,{"type":"new"}]}]`,
      `[{"type":"function_call","arguments":{}}]`,
    ])
      expect(typesOf(openaiResponses.streamOf(`{"output":${output}}`)).at(-1)).toBe("response.completed");
  });
});

test("the protocol's own facts", () => {
  expect(openaiResponses.heartbeat).toBe(": ping\n\n");
  expect(openaiResponses.streamType("events")).toBe("text/event-stream; charset=utf-8");
  const refused = openaiResponses.error.encode(
    new GatewayError({ code: "upstream_error", status: 502, message: "Down" }),
  );
  expect(refused).toMatchObject({ status: 503, headers: { "x-should-retry": "false" } });
  expect(JSON.parse(refused.body)).toEqual({
    error: { message: "Down", type: "server_error", param: null, code: "upstream_error" },
  });
});

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { applyEdits } from "../../../src/lib/json-edit.ts";
import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";
import type { EditorOptions } from "../../../src/protocols/protocol.ts";
import { openaiCompletions } from "../../../src/protocols/openai-completions/index.ts";
import { openaiCompletionsWire } from "../../support/wire/openai-completions.ts";
import { thrownBy } from "../../support/thrown-by.ts";
import { sse } from "../openai-chat/codec-rig.ts";
import { editPieces } from "../whole-stream.ts";

const limits = { maxDepth: 64 };
const asItIs: EditorOptions = { modelShown: undefined, hideUsage: false, textLimit: 0 };
const shown: EditorOptions = { modelShown: "alias-ü", hideUsage: true, textLimit: 100 };

describe("a request", () => {
  const body = '{ "prompt": ["a", "é\\n"] ,"model":"alias", "stream" : true, "echo":false }';
  const envelope = openaiCompletions.peek(latin1OfUtf8(body), limits);

  test("is peeked at", () => {
    expect([envelope.model, envelope.stream, envelope.wantsUsage]).toEqual(["alias", true, false]);
    expect(envelope.lastUserText(10)).toBe("é\n");
    const asking = openaiCompletions.peek('{"prompt":"abc","stream_options":{"include_usage":true}}', limits);
    expect([asking.model, asking.stream, asking.wantsUsage, asking.lastUserText(2)]).toEqual([
      undefined,
      false,
      true,
      "ab",
    ]);
    expect(openaiCompletions.peek('{"prompt":[1,2]}', limits).lastUserText(9)).toBeUndefined();
  });

  test("goes on byte for byte but for the model and the wish for usage", () => {
    expect(applyEdits(envelope.text, envelope.edits({ model: "up", injectUsage: false }))).toBe(
      latin1OfUtf8(body.replace('"alias"', '"up"')),
    );
    expect(applyEdits(envelope.text, envelope.edits({ model: "up", injectUsage: true }))).toContain(
      '"stream_options":{"include_usage":true}',
    );
    const refused = openaiCompletions.peek('{"prompt":"a","stream_options":{"include_usage":false,"x":1}}', limits);
    expect(applyEdits(refused.text, refused.edits({ model: "up", injectUsage: true }))).toBe(
      '{"prompt":"a","stream_options":{"include_usage":true,"x":1},"model":"up"}',
    );
  });

  test("is refused with what is wrong", () => {
    expect(thrownBy(() => openaiCompletions.peek('{"model":"m"}', limits))).toMatchObject({
      status: 400,
      param: "prompt",
    });
    expect(thrownBy(() => openaiCompletions.peek("", limits)).message).toContain("empty");
    expect(thrownBy(() => openaiCompletions.peek('{"prompt":"a","model":7}', limits))).toMatchObject({
      param: "model",
    });
  });
});

function chunk(text: string, finish: string | null = null): Record<string, unknown> {
  return {
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: "up",
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
  };
}

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const usageChunk = { ...chunk(""), choices: [], usage };
const stream = `: ping\n\n${sse(chunk("Grüße, "), chunk("世界"), chunk("", "stop"), usageChunk, "[DONE]")}`;

function run(text: string, options: EditorOptions, cuts: readonly number[] = []) {
  const editor = openaiCompletions.createStreamEditor(options);
  const source = latin1OfUtf8(text);
  const places = [0, ...cuts, source.length];
  return editPieces(
    editor,
    places.slice(1).map((place, index) => source.slice(places[index], place)),
  );
}

describe("a stream", () => {
  test("goes by byte for byte where nothing has to change", () => {
    const { output, editor } = run(stream, asItIs);
    expect(output).toBe(latin1OfUtf8(stream));
    expect([editor.hasContent(), editor.isComplete(), editor.isEnded()]).toEqual([true, true, true]);
  });

  test("has the client's model, and no usage that the client did not ask for, wherever it is cut", () => {
    const expected = latin1OfUtf8(
      stream.replaceAll('"up"', '"alias-ü"').replace(/data: [^\n]*"choices":\[\][^\n]*\n\n/, ""),
    );
    const length = latin1OfUtf8(stream).length;
    for (let at = 0; at <= length; at += 1) {
      const { output, editor } = run(stream, shown, [at]);
      expect(output).toBe(expected);
      expect(editor.observation).toMatchObject({
        usage: { input: 3, output: 2 },
        upstreamId: "cmpl-1",
        model: "up",
        finishReason: "stop",
        text: "Grüße, 世界",
        contentEvents: 2,
      });
    }
  });

  test("keeps usage that came with a choice, and what cannot be read", () => {
    const text = `data: {broken "usage"\n\n${sse({ ...chunk("a", "length"), usage })}`;
    const { output, editor } = run(text, { ...shown, modelShown: undefined });
    expect(output).toBe(text);
    expect(editor.isComplete()).toBe(true);
    expect(editor.isEnded()).toBe(false);
  });

  test("is not whole without an end, and an end alone is none", () => {
    expect(run(sse(chunk("a")), asItIs).editor.isComplete()).toBe(false);
    const empty = run(sse("[DONE]"), asItIs).editor;
    expect([empty.isComplete(), empty.isEnded()]).toEqual([false, true]);
  });

  test("may end without its last blank line, and half an event is not passed on", () => {
    const whole = sse(chunk("a", "stop"));
    expect(run(`${whole}data: [DONE]`, asItIs).output).toBe(`${whole}data: [DONE]\n\n`);
    expect(run(`${whole}data: [DONE]\n`, asItIs).output).toBe(`${whole}data: [DONE]\n\n`);
    expect(run(`${whole}data: {"id":"cm`, asItIs).output).toBe(whole);
  });

  test("stops where the upstream reports a failure, and ends for the client with it", () => {
    const { output, failure, editor } = run(
      sse(chunk("a"), { error: { message: "Gone.", code: 502 } }, chunk("b")),
      shown,
    );
    expect(output).not.toContain("Gone");
    expect(failure).toMatchObject({ message: "Gone.", code: "upstream_error" });
    const told = output + (failure === undefined ? "" : (editor.fail?.(failure) ?? ""));
    expect(told).toContain('"finish_reason":"error"');
    expect(told).toEndWith("data: [DONE]\n\n");
    expect(told).toContain('"id":"cmpl-1"');
    for (const odd of [
      { choices: [{ text: "", finish_reason: "error" }] },
      { object: "error", message: "x", code: 500 },
    ])
      expect(run(sse(odd), asItIs).failure).toBeInstanceOf(GatewayError);
  });
});

describe("a whole answer", () => {
  const answer =
    '{"id":"cmpl-1","model" : "up","choices":[{"text":"Ja – é","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}';

  test("goes by with the client's model", () => {
    const edited = openaiCompletions.editAnswer(latin1OfUtf8(answer), shown);
    expect(edited.output).toBe(latin1OfUtf8(answer.replace('"up"', '"alias-ü"')));
    expect(edited.observation).toMatchObject({ text: "Ja – é", model: "up", contentEvents: 1, usage: { input: 3 } });
  });

  test("is a failure where it says so, and refused where it is none", () => {
    expect(openaiCompletions.editAnswer('{"error":{"message":"no","code":429}}', asItIs).failure).toMatchObject({
      status: 429,
    });
    expect(thrownBy(() => openaiCompletions.editAnswer("{}", asItIs))).toMatchObject({ status: 502 });
    expect(thrownBy(() => openaiCompletions.editAnswer("<html>", asItIs))).toMatchObject({ status: 502 });
    expect(openaiCompletions.editAnswer('{"choices":[]}', asItIs).failure).toBeUndefined();
  });

  test("can be told as a stream", () => {
    const text = openaiCompletions.streamOf(
      latin1OfUtf8(answer.replace('"model"', '"object":"text_completion","created":1,"model"')),
    );
    expect(openaiCompletionsWire.problemsOf(text)).toEqual([]);
    expect(run(openaiCompletions.streamOf('{"error":{"message":"no","code":429}}'), asItIs).failure).toMatchObject({
      status: 429,
    });
  });
});

test("the editor survives whatever comes", () => {
  const source = latin1OfUtf8(stream);
  for (let at = 0; at < source.length; at += 1)
    for (const fragment of ["{", "}", '"', "\n\n", "null", '"usage":[],', '{"error":1}']) {
      const editor = openaiCompletions.createStreamEditor(shown);
      editor.push(source.slice(0, at) + fragment + source.slice(at + 1));
      editor.end();
    }
});

import { describe, expect, test } from "bun:test";
import { GatewayError, type ErrorCode } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { editChatAnswer, streamOfChatAnswer } from "../../../src/protocols/openai-chat/answer.ts";
import { createChatStreamEditor } from "../../../src/protocols/openai-chat/stream.ts";
import { eventsOf, type Data } from "../../support/chat.ts";
import { wounded } from "../../lib/random-json.ts";
import { forSeeds } from "../../lib/seeded.ts";

const options = { modelShown: "orcestator", hideUsage: false, textLimit: 1000 };

function answer(model: string): string {
  return latin1OfUtf8(
    `{ "id":"c1" ,"x_new":[1.0,12345678901234567890],\r\n"model" : ${model},"choices":[{"index":0,"message":{"role":"assistant","content":"Grüße \\"model\\":\\"x\\"","model":"inner"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"cost":0.5} }\n`,
  );
}

function refusalOf(text: string): GatewayError {
  try {
    const { failure } = editChatAnswer(text, options);
    if (failure !== undefined) return failure;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error(`was taken: ${text}`);
}

const textOf = (message: string): string =>
  editChatAnswer(`{"choices":[{"message":${message}}]}`, options).observation.text;

describe("an answer in one piece", () => {
  test("changes in its model alone", () => {
    expect(editChatAnswer(answer('"vendor/x"'), options).output).toBe(answer('"orcestator"'));
    expect(editChatAnswer(answer('"vendor/x"'), { ...options, modelShown: undefined }).output).toBe(
      answer('"vendor/x"'),
    );
    expect(editChatAnswer(answer("null"), options).output).toBe(answer("null"));
  });

  test("leaves no second model behind", () => {
    const text = '{"model":"a","choices":[],"mod\\u0065l":"b"}';
    expect(editChatAnswer(text, options).output).toBe('{"model":"orcestator","choices":[],"mod\\u0065l":"orcestator"}');
  });

  test("is observed", () => {
    expect(editChatAnswer(answer('"vendor/x"'), options).observation).toEqual({
      upstreamId: "c1",
      model: "vendor/x",
      finishReason: "stop",
      usage: { input: 9, cacheRead: undefined, cacheWrite: undefined, output: 4, reasoning: undefined },
      costUsd: 0.5,
      text: 'Grüße "model":"x"',
      contentEvents: 1,
      answerBytes: 0,
    });
  });

  test("keeps no text where none is wanted", () => {
    expect(editChatAnswer(answer('"m"'), { ...options, textLimit: 0 }).observation.text).toBe("");
    expect(editChatAnswer(answer('"m"'), { ...options, textLimit: 3 }).observation.text).toBe("Grü");
  });

  test("tells of tool calls, refusals and parts in its text", () => {
    expect(textOf('{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}')).toBe("[tool f] {}");
    expect(textOf('{"refusal":"no"}')).toBe("no");
    expect(textOf('{"content":[{"type":"text","text":"a"},{"type":"x"},null]}')).toBe("a");
  });
});

describe("an answer that is none", () => {
  test.each([
    "",
    "<html>",
    "null",
    "[]",
    "[1]",
    '"text"',
    "{",
    '{"choices":[}',
    '{"id":"a"}',
    '{"choices":{}}',
    '{"choices":null}',
    '{"a":"\u0001","choices":[]}',
    `{"choices":${"[".repeat(2000)}${"]".repeat(2000)}}`,
  ])("%p is the upstream's fault, 502, and not repeated", (text) => {
    const { code, status, retryable } = refusalOf(text);
    expect({ code, status, retryable }).toEqual({ code: "upstream_invalid_response", status: 502, retryable: false });
  });

  test.each<[string, ErrorCode, string]>([
    ['{"error":{"message":"slow","code":429}}', "rate_limit_exceeded", "slow"],
    ['{"error":{"message":"down","code":502}}', "upstream_error", "down"],
    ['{"error":"plain"}', "upstream_error", "plain"],
    ['{"error":{"message":"who","code":401}}', "upstream_rejected_credential", "who"],
    ['{"choices":[{"message":{"content":"half"},"error":{"code":502,"message":"broke"}}]}', "upstream_error", "broke"],
    ['{"choices":[{"message":{"content":"half"},"finish_reason":"error"}]}', "upstream_error", "did not say which"],
    [
      '{"object":"error","message":"engine died","type":"InternalServerError","code":500}',
      "upstream_error",
      "engine died",
    ],
    ['[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]', "upstream_overloaded", "overloaded"],
  ])("%p is the failure it names, though it came with 200", (text, code, message) => {
    const failure = refusalOf(text);
    expect({ code: failure.code, says: failure.message.includes(message) }).toEqual({ code, says: true });
  });

  test("never throws anything but GatewayError, whatever is damaged", () => {
    forSeeds(5000, (random) => {
      let text = answer('"m"');
      for (let wound = random.below(4); wound >= 0; wound -= 1) text = wounded(text, random);
      try {
        editChatAnswer(text, options);
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
      }
    });
  });
});

describe("an answer as a stream", () => {
  const whole = latin1OfUtf8(
    JSON.stringify({
      id: "c1",
      object: "chat.completion",
      created: 5,
      model: "m",
      provider: "P",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "é", reasoning: "r" },
          logprobs: null,
          finish_reason: "length",
        },
        {
          index: 1,
          message: {
            content: null,
            tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
          },
          finish_reason: "tool_calls",
        },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    }),
  );
  const events = eventsOf(utf8OfLatin1(streamOfChatAnswer(whole)));

  test("has the contents, the finish reasons, the usage and [DONE], all as chunks of one answer", () => {
    const shared = { id: "c1", object: "chat.completion.chunk", created: 5, model: "m", provider: "P" };
    expect(events).toHaveLength(5);
    for (const event of events.slice(0, 4)) expect(event).toMatchObject(shared);
    // Some clients take the first chunk for its role alone.
    expect(events[0]).toMatchObject({
      choices: [
        { index: 0, delta: { role: "assistant", content: "" }, finish_reason: null },
        { index: 1, delta: { role: "assistant", content: "" }, finish_reason: null },
      ],
    });
    expect(events[1]).toMatchObject({
      choices: [
        { index: 0, delta: { content: "é", reasoning: "r" }, finish_reason: null },
        { index: 1, delta: { tool_calls: [{ index: 0, id: "a" }] }, finish_reason: null },
      ],
    });
    expect(events[2]).toMatchObject({
      choices: [
        { index: 0, delta: {}, finish_reason: "length" },
        { index: 1, delta: {}, finish_reason: "tool_calls" },
      ],
    });
    expect(events[3]).toMatchObject({ choices: [], usage: { prompt_tokens: 1 } });
    expect(events[4]).toBe("[DONE]");
  });

  test("says nothing of messages and usage where a chunk says none", () => {
    const first = events[0] as Data & { choices: Data[] };
    expect(first.choices.some((choice) => "message" in choice)).toBe(false);
    expect("usage" in first).toBe(false);
  });

  test("reads as the same answer", () => {
    const editor = createChatStreamEditor(options);
    expect(editor.push(streamOfChatAnswer(whole)).failure).toBeUndefined();
    expect([editor.isEnded(), editor.hasContent()]).toEqual([true, true]);
    const { text, usage } = editor.observation;
    expect({ text, usage }).toMatchObject({ text: "é", usage: { input: 1, output: 2 } });
  });

  test("ends for every answer that may be one", () => {
    for (const text of [
      '{"choices":[]}',
      '{"choices":[null,{}]}',
      '{"choices":[{"message":"text"}]}',
      '{"choices":[{"message":{"tool_calls":"x"}}],"usage":null}',
    ])
      expect(eventsOf(utf8OfLatin1(streamOfChatAnswer(text))).at(-1)).toBe("[DONE]");
  });
});

import { describe, expect, test } from "bun:test";
import { GatewayError, type ErrorCode } from "../../../src/errors.ts";
import { createEventSplitter, dataOf } from "../../../src/lib/sse.ts";
import { encodeErrorInStream } from "../../../src/protocols/openai-chat/error.ts";
import { createChatStreamEditor } from "../../../src/protocols/openai-chat/stream.ts";
import type { StreamEditor } from "../../../src/protocols/protocol.ts";
import { quickest } from "../../lib/seeded.ts";
import { sampleStreams, servedName } from "./sample-streams.ts";

function newEditor(options: { modelShown?: string | undefined; textLimit?: number } = {}): StreamEditor {
  return createChatStreamEditor({ modelShown: "m", hideUsage: true, textLimit: 0, ...options });
}

const role = 'data: {"id":"i","model":"u","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n';
const content = 'data: {"id":"i","model":"u","choices":[{"index":0,"delta":{"content":"text"}}]}\n\n';
const finish = 'data: {"id":"i","model":"u","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
const done = "data: [DONE]\n\n";

describe("a stream has content", () => {
  test.each([
    ['{"content":"x"}'],
    ['{"content":[{"type":"text","text":"x"}]}'],
    ['{"reasoning":"x"}'],
    ['{"reasoning_content":"x","content":null}'],
    ['{"reasoning_details":[{"type":"reasoning.text"}]}'],
    ['{"refusal":"x"}'],
    ['{"tool_calls":[{"index":0}]}'],
    ['{"function_call":{"name":"f"}}'],
    ['{"audio":{"id":"a"}}'],
    ['{"images":[{}]}'],
  ])("once a delta is %s", (delta) => {
    const editor = newEditor();
    editor.push(role);
    expect(editor.hasContent()).toBe(false);
    editor.push(`data: {"choices":[{"delta":${delta}}]}\n\n`);
    expect(editor.hasContent()).toBe(true);
  });

  test.each([
    [": OPENROUTER PROCESSING\n\n"],
    [role],
    ['data: {"choices":[],"prompt_filter_results":[]}\n\n'],
    ['data: {"choices":[{"delta":{}}]}\n\n'],
    ['data: {"choices":[{"delta":{"content":null,"tool_calls":[]},"finish_reason":null}]}\n\n'],
    ['data: {"choices":[{"delta":null},null,7]}\n\n'],
    ["data: broken\n\n"],
    ["event: ping\ndata:\n\n"],
    ["data: 5\n\n"],
    ['data: {"choices":[{"delta":{"content":"half'],
  ])("but not by %p", (event) => {
    const editor = newEditor();
    editor.push(event);
    expect(editor.hasContent()).toBe(false);
  });

  test("by a finish alone: an empty answer is an answer", () => {
    const editor = newEditor();
    editor.push(finish);
    expect([editor.hasContent(), editor.isComplete()]).toEqual([true, true]);
  });
});

function isComplete(stream: string, textLimit = 0): boolean {
  const editor = newEditor({ textLimit });
  editor.push(stream);
  editor.end();
  return editor.isComplete();
}

describe("a stream is complete", () => {
  test("with a finish reason, with [DONE], and with both", () => {
    for (const textLimit of [0, 1000])
      for (const stream of [content + finish, content + done, content + finish + done, `${content}data: [DONE]`])
        expect(isComplete(stream, textLimit)).toBe(true);
  });

  test("by nothing else", () => {
    const nulls = 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n';
    const inText = 'data: {"choices":[{"delta":{"content":"\\"finish_reason\\":\\"stop\\" data: [DONE]"}}]}\n\n';
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n';
    for (const textLimit of [0, 1000])
      for (const stream of ["", content, content + nulls + inText, content + usage, `${content}: [DONE]\n\n`])
        expect({ stream, isComplete: isComplete(stream, textLimit) }).toEqual({ stream, isComplete: false });
  });

  test("not with an empty finish reason, which some servers send with every chunk", () => {
    expect(isComplete('data: {"choices":[{"delta":{"content":"a"},"finish_reason":""}]}\n\n')).toBe(false);
  });

  test("not with half of its last event", () => {
    const stream = content + finish + done;
    const finishFrom = content.length + finish.indexOf('"stop"') + '"stop"'.length;
    for (let at = 0; at < finishFrom; at += 1)
      expect({ at, isComplete: isComplete(stream.slice(0, at)) }).toEqual({ at, isComplete: false });
  });
});

describe("after [DONE]", () => {
  const behind = [done, content, 'data: {"error":{"message":"late"}}\n\n', ": late\n\n", "data: half"];

  test("nothing is passed on and the stream is over", () => {
    for (const ends of ["\n", "\r\n"])
      for (const end of ["data: [DONE]\n\n", "data:[DONE]\n\n", "data:  [DONE] \n\n", "event: x\ndata: [DONE]\n\n"]) {
        const editor = newEditor();
        const start = (content + finish + end).replaceAll("\n", ends);
        const steps = [
          editor.push(start + behind.join("").replaceAll("\n", ends)),
          ...behind.map((text) => editor.push(text)),
        ];
        expect(editor.isEnded()).toBe(true);
        expect(steps.map(({ output }) => output).join("")).toBe(start.replaceAll('"u"', '"m"'));
        expect(steps.some(({ failure }) => failure !== undefined)).toBe(false);
        expect(editor.end()).toEqual({ output: "", failure: undefined });
      }
  });

  test("the same holds when the upstream's model is to be shown", () => {
    const editor = newEditor({ modelShown: undefined });
    expect(editor.push(content + content + done + behind.join("")).output).toBe(content + content + done);
    expect([editor.isEnded(), editor.isComplete()]).toEqual([true, true]);
  });

  test("more than the largest event is no failure", () => {
    const editor = newEditor();
    const step = editor.push(`${content}${done}data: ${"x".repeat(5 << 20)}`);
    expect(step.failure).toBeUndefined();
    expect(editor.push("x".repeat(5 << 20)).failure).toBeUndefined();
  });
});

describe("a failure", () => {
  const failures: Record<string, [event: string, code: ErrorCode, message: string]> = {
    "error object": ['{"error":{"message":"gone","code":502}}', "upstream_error", "gone"],
    "error text": ['{"error":"gone"}', "upstream_error", "gone"],
    "rate limit by code": ['{"error":{"message":"slow","code":429}}', "rate_limit_exceeded", "slow"],
    "rate limit by type": [
      '{"error":{"message":"slow","type":"rate_limit_exceeded","code":null}}',
      "rate_limit_exceeded",
      "slow",
    ],
    "OpenRouter's, beside empty choices": [
      '{"id":"g","choices":[],"error":{"code":503,"message":"busy","metadata":{"provider_name":"P"}}}',
      "upstream_overloaded",
      "busy",
    ],
    "OpenRouter's, with a finish": [
      '{"id":"g","error":{"code":"server_error","message":"lost"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null}]}',
      "upstream_error",
      "lost",
    ],
    "beginning as all chunks do": [
      '{"id":"i","model":"u","choices":[],"error":{"message":"gone","code":502}}',
      "upstream_error",
      "gone",
    ],
    "spaced oddly, beginning as all chunks do": [
      '{"id":"i","model":"u","choices":[] , "error" : {"message":"gone","code":502}}',
      "upstream_error",
      "gone",
    ],
    "finish reason, beginning as all chunks do": [
      '{"id":"i","model":"u","choices":[{"index":0,"delta":{},"finish_reason":"error"}]}',
      "upstream_error",
      "did not say which",
    ],
    "finish reason alone": [
      '{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}',
      "upstream_error",
      "did not say which",
    ],
    "of one choice": [
      '{"choices":[{"index":1,"delta":{},"error":{"message":"one","code":500}}]}',
      "upstream_error",
      "one",
    ],
    "vLLM's": [
      '{"object":"error","message":"engine died","type":"InternalServerError","param":null,"code":500}',
      "upstream_error",
      "engine died",
    ],
    "vLLM's, spaced as Python does": [
      '{"object": "error", "message": "engine died", "type": "InternalServerError", "param": null, "code": 500}',
      "upstream_error",
      "engine died",
    ],
    "Gemini's array": [
      '[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]',
      "upstream_overloaded",
      "overloaded",
    ],
  };

  for (const [name, [data, code, message]] of Object.entries(failures)) {
    test(`${name}, is seen as the first event, in the middle and behind much text`, () => {
      for (const before of ["", ": OPENROUTER PROCESSING\n\n", role, role + content, content.repeat(50)]) {
        for (const [textLimit, modelShown] of [
          [0, "m"],
          [1000, "m"],
          [0, undefined],
        ] as const) {
          const editor = newEditor({ textLimit, modelShown });
          const step = editor.push(`${before}data: ${data}\n\n${content}${done}`);
          expect(step.failure).toBeInstanceOf(GatewayError);
          expect({ code: step.failure?.code, says: step.failure?.message.includes(message) }).toEqual({
            code,
            says: true,
          });
          expect(step.output).toBe(modelShown === undefined ? before : before.replaceAll('"u"', '"m"'));
        }
      }
    });
  }

  test("that is null, or stands in a text or deeper, is none", () => {
    for (const data of [
      '{"error":null,"choices":[{"delta":{"content":"a"}}]}',
      '{"choices":[{"delta":{"content":"{\\"error\\":{\\"message\\":\\"x\\"}}"},"error":null}]}',
      '{"choices":[{"delta":{"content":"a","error":{"message":"x"}}}],"meta":{"error":{"message":"x"}}}',
    ]) {
      for (const before of ["", content]) {
        const step = newEditor({ modelShown: undefined }).push(`${before}data: ${data}\n\n`);
        expect(step).toEqual({ output: `${before}data: ${data}\n\n`, failure: undefined });
      }
    }
  });
});

describe("an event of more than 4 MiB", () => {
  test("is given up, in time that grows with its size only", () => {
    let codes: (string | undefined)[] = [];
    const milliseconds = quickest(() => {
      const editor = newEditor();
      editor.push(`${content}data: {"choices":[{"delta":{"content":"`);
      codes = [];
      for (let sent = 0; sent < 6 << 20; sent += 1024) {
        const { failure } = editor.push("x".repeat(1024));
        if (failure !== undefined) codes.push(failure.code);
      }
    });
    expect(codes[0]).toBe("upstream_invalid_response");
    expect(milliseconds).toBeLessThan(500);
  });

  test("is not one of 3 MiB, which arrives whole", () => {
    const editor = newEditor();
    const big = `data: {"model":"u","choices":[{"delta":{"content":"${"x".repeat(3 << 20)}"}}]}\n\n`;
    let output = "";
    for (let at = 0; at < big.length; at += 65_536) output += editor.push(big.slice(at, at + 65_536)).output;
    expect(output === big.replace('"u"', '"m"')).toBe(true);
  });
});

describe("a stream that is cut", () => {
  const failure = new GatewayError({ code: "upstream_error", status: 502, message: "cut" });

  /** What a client reads when the upstream's body ends after `stream` and the error form is put behind it. */
  function clientSees(stream: string): (string | undefined)[] {
    const editor = newEditor();
    const { output } = editor.push(stream);
    const rest = editor.end();
    const ending = editor.isComplete() ? "" : encodeErrorInStream(failure, editor.observation, "m");
    const splitter = createEventSplitter();
    return splitter.push(output + rest.output + ending).map((event) => dataOf(event)?.text);
  }

  for (const name of ["OpenRouter with comments", "CRLF, odd spacing and unknown fields", "data in several lines"]) {
    test(`anywhere leaves whole events before the error form: ${name}`, () => {
      const stream = sampleStreams[name]?.(servedName) ?? "";
      const finishAt = /"finish_reason" ?: ?"/.exec(stream)?.index ?? 0;
      for (let at = 0; at < finishAt; at += 1) {
        const seen = clientSees(stream.slice(0, at)).filter((data) => data !== undefined);
        const parsed = seen.slice(0, -1).map((data) => {
          try {
            return JSON.parse(data) as { error?: unknown };
          } catch {
            return `cut at ${at}: ${data}`;
          }
        });
        expect(parsed.filter((event) => typeof event === "string")).toEqual([]);
        expect(parsed.at(-1)).toMatchObject({ error: { message: "cut" } });
        expect(parsed.at(-2)).toMatchObject({ choices: [{ finish_reason: "error" }] });
        expect(seen.at(-1)).toBe("[DONE]");
      }
    });
  }
});

import { describe, expect, test } from "bun:test";
import { createEventSplitter } from "../../../src/lib/sse.ts";
import { createChatStreamEditor } from "../../../src/protocols/openai-chat/stream.ts";
import type { EditorOptions, Observation } from "../../../src/protocols/protocol.ts";
import { cutAtRandom, forSeeds } from "../../lib/seeded.ts";
import { editPieces } from "../whole-stream.ts";
import { sampleStreams, servedName, shownName } from "./sample-streams.ts";

const shown: EditorOptions = { modelShown: JSON.parse(shownName) as string, hideUsage: false, textLimit: 0 };

interface Run {
  output: string;
  failure: string | undefined;
  isComplete: boolean;
  isEnded: boolean;
  observation: Observation;
}

function run(pieces: readonly string[], options: Partial<EditorOptions> = {}): Run {
  const editor = createChatStreamEditor({ ...shown, ...options });
  const { output, failure } = editPieces(editor, pieces);
  const { observation } = editor;
  return { output, failure: failure?.code, isComplete: editor.isComplete(), isEnded: editor.isEnded(), observation };
}

function eventsOf(stream: string): string[] {
  return createEventSplitter().push(stream);
}

describe("a stream of", () => {
  for (const [name, stream] of Object.entries(sampleStreams)) {
    const input = stream(servedName);
    const expected = stream(shownName);

    test(`${name} changes in its model alone, wherever it is cut`, () => {
      for (let at = 0; at <= input.length; at += 1) {
        const pieces = [input.slice(0, at), input.slice(at)];
        const { output, failure, isEnded } = run(pieces, { textLimit: at % 2 === 0 ? 0 : 200 });
        if (output !== expected) expect({ at, output }).toEqual({ at, output: expected });
        expect({ at, failure, isEnded }).toEqual({ at, failure: undefined, isEnded: true });
      }
    });

    test(`${name} changes in its model alone, in any pieces`, () => {
      forSeeds(200, (random) => {
        const pieces = cutAtRandom(input, random, random.pick([1, 3, 50, 400]));
        expect(run(pieces, { textLimit: random.pick([0, 3, 1000]) }).output).toBe(expected);
      });
    });

    test(`${name} stays byte for byte when the upstream's model is to be shown`, () => {
      forSeeds(100, (random) => {
        const pieces = cutAtRandom(input, random, random.pick([1, 3, 50, 400]));
        expect(run(pieces, { modelShown: undefined, textLimit: random.pick([0, 1000]) }).output).toBe(input);
      });
    });

    test(`${name} is observed the same in any pieces`, () => {
      const whole = run([input], { textLimit: 1000 });
      forSeeds(100, (random) => {
        const { observation } = run(cutAtRandom(input, random, 60), { textLimit: 1000 });
        expect(observation).toEqual(whole.observation);
      });
    });

    test(`${name} loses only events that are nothing but usage when usage is to be hidden`, () => {
      const kept = eventsOf(expected).filter((event) => !/"choices":\[\],"usage":\{/.test(event));
      expect(run([input], { hideUsage: true }).output).toBe(kept.join(""));
      expect(run(input.split(""), { hideUsage: true }).observation.usage).toEqual(run([input]).observation.usage);
    });
  }
});

test("bytes that are no UTF-8 pass through", () => {
  const input = 'data: {"model":"a","choices":[{"delta":{"content":"\u00ff\u00c3\u0080\u00e2"}}]}\n\n';
  expect(run([input], { modelShown: "b" }).output).toBe(input.replace('"a"', '"b"'));
});

test("a model that is no text, or missing, stays as it is", () => {
  for (const member of ['"model":null,', '"model":{"model":"x"},', '"model":1,', ""]) {
    const input = `data: {${member}"choices":[{"delta":{"content":"x"}}]}\n\n`;
    expect(run([input]).output).toBe(input);
  }
});

test("a second model in a later event is replaced too", () => {
  const first = 'data: {"id":"a","model":"up","choices":[{"delta":{"content":"x"}}]}\n\n';
  const second = 'data: {"id":"a","model":"up","choices":[{"delta":{"content":"x"}}],"model":"up"}\n\n';
  expect(run([first, second], { modelShown: "m" }).output).toBe((first + second).replaceAll('"up"', '"m"'));
});

describe("usage", () => {
  const usage = '"usage":{"prompt_tokens":3,"completion_tokens":2}';
  const content = 'data: {"model":"u","choices":[{"delta":{"content":"x"}}]}\n\n';

  test("that comes with choices, or is null, is never hidden", () => {
    for (const event of [
      `data: {"choices":[{"delta":{},"finish_reason":"stop"}],${usage}}\n\n`,
      'data: {"choices":[],"usage":null}\n\n',
      'data: {"choices":[]}\n\n',
      `data: {${usage}}\n\n`,
    ])
      expect(run([content + event], { modelShown: undefined, hideUsage: true }).output).toBe(content + event);
  });

  test("is hidden in whatever spacing and line ends it comes", () => {
    for (const event of [
      `data: {"choices" : [ ] , ${usage}}\r\n\r\n`,
      `data: {\ndata: ${usage},"choices":[]\ndata: }\n\n`,
      `event: message\rdata:{${usage},"choices":[]}\r\r`,
    ])
      expect(run([content + event + content], { modelShown: undefined, hideUsage: true }).output).toBe(
        content + content,
      );
  });

  test("that is told twice counts as it was told last", () => {
    const stream = `${content}data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: {"choices":[],${usage}}\n\n`;
    expect(run([stream]).observation.usage).toMatchObject({ input: 3, output: 2 });
  });
});

describe("what was seen", () => {
  test("is the answer's text up to the limit, in the order it came", () => {
    const stream = ["ab", "cd", "ef", "gh"]
      .map((text) => `data: {"id":"i","choices":[{"delta":{"content":"${text}"}}]}\n\n`)
      .join("");
    for (const [textLimit, text] of [
      [0, ""],
      [3, "abc"],
      [4, "abcd"],
      [100, "abcdefgh"],
    ] as const)
      expect(run([stream], { textLimit }).observation.text).toBe(text);
  });

  test("is the same number of content events whether the model is replaced or not", () => {
    const stream = sampleStreams["OpenRouter with comments"]?.(servedName) ?? "";
    const withOwn = run([stream], { modelShown: undefined }).observation.contentEvents;
    expect({ withOwn }).toEqual({ withOwn: run([stream]).observation.contentEvents });
  });

  test("includes the upstream's id, model, finish reason, usage and cost", () => {
    const { observation } = run([sampleStreams["OpenRouter with comments"]?.(servedName) ?? ""], { textLimit: 50 });
    expect(observation).toEqual({
      upstreamId: "gen-1",
      model: JSON.parse(servedName),
      finishReason: "stop",
      usage: { input: 12, cacheRead: undefined, cacheWrite: undefined, output: 7, reasoning: undefined },
      costUsd: 0.5,
      text: "Grüße, 世界 😀!",
      contentEvents: 2,
      answerBytes: 21,
    });
  });
});

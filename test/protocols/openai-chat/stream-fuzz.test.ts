import { expect, test } from "bun:test";
import { createChatStreamEditor } from "../../../src/protocols/openai-chat/stream.ts";
import { cutAtRandom, forSeeds, type Random } from "../../lib/seeded.ts";
import { sampleStreams, servedName } from "./sample-streams.ts";

const samples = Object.values(sampleStreams).map((stream) => stream(servedName));

const fragments = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\n",
  "\r",
  "\n\n",
  "\r\n\r\n",
  "data:",
  "data: [DONE]\n\n",
  ": comment\n\n",
  "null",
  "1e999",
  '"choices":[null],',
  '"choices":{},',
  '"choices":[{"delta":"text"}],',
  '"choices":[{"delta":{"tool_calls":[null,1,{"function":"x"}]}}],',
  '"choices":[{"message":{"content":[null,{"text":1}]}}],',
  '"model":"",',
  '"model":"x",',
  '"usage":[],',
  '"usage":{"prompt_tokens":-1,"completion_tokens":1e999},',
  '"usage":"x",',
  '"error":{},',
  '"error":[],',
  '"error":true,',
  '"error":{"code":{},"message":[],"metadata":[]},',
  '"finish_reason":"error",',
  '"finish_reason":{},',
  '"__proto__":{"choices":1},',
  "[".repeat(2000),
  '{"a":'.repeat(2000),
  "\u0000",
  "\u00ff\u00fe",
];

/** A stream with one to four wounds: cut, doubled, shuffled, or with something else in its middle. */
function mutated(random: Random): string {
  let stream = random.pick(samples);
  for (let wound = random.below(4); wound >= 0; wound -= 1) {
    const at = random.below(stream.length + 1);
    const end = at + random.below(40);
    const kind = random.below(5);
    if (kind === 0) stream = stream.slice(0, at) + random.pick(fragments) + stream.slice(at);
    else if (kind === 1) stream = stream.slice(0, at) + stream.slice(end);
    else if (kind === 2) stream = stream.slice(0, end) + stream.slice(at);
    else if (kind === 3) stream = stream.slice(0, at) + String.fromCharCode(random.below(256)) + stream.slice(at + 1);
    else stream = stream.slice(0, at) + random.pick(samples).slice(random.below(500));
  }
  return stream;
}

function run(
  pieces: readonly string[],
  options: { hideUsage: boolean; textLimit: number; modelShown: string | undefined },
): unknown {
  const editor = createChatStreamEditor(options);
  let output = "";
  for (const piece of pieces) {
    const step = editor.push(piece);
    output += step.output;
    if (step.failure !== undefined) return { output, failure: step.failure.message };
    if (editor.isEnded()) break;
  }
  const last = editor.end();
  return { output: output + last.output, failure: last.failure?.message, isComplete: editor.isComplete() };
}

const optionsOf = (random: Random) => ({
  hideUsage: random.chance(0.5),
  textLimit: random.pick([0, 10, 1000]),
  modelShown: random.chance(0.8) ? "m" : undefined,
});

test("20,000 damaged streams never make the editor throw, nor does one take long", () => {
  let longest = 0;
  forSeeds(20_000, (random) => {
    const pieces = cutAtRandom(mutated(random), random, random.pick([20, 300, 5000]));
    const options = optionsOf(random);
    const from = performance.now();
    run(pieces, options);
    longest = Math.max(longest, performance.now() - from);
  });
  expect(longest).toBeLessThan(250);
}, 20_000);

test("a damaged stream means the same in any pieces", () => {
  forSeeds(4000, (random) => {
    const stream = mutated(random);
    const options = optionsOf(random);
    expect(run(cutAtRandom(stream, random, random.pick([1, 20, 300])), options)).toEqual(run([stream], options));
  });
});

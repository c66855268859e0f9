import { expect, test } from "bun:test";
import { createChatStreamEditor } from "../../../src/protocols/openai-chat/stream.ts";
import { cutAtRandom, forSeeds, type Random } from "../../lib/seeded.ts";
import { damageOf } from "../damage.ts";
import { editPieces } from "../whole-stream.ts";
import { sampleStreams, servedName } from "./sample-streams.ts";

const samples = Object.values(sampleStreams).map((stream) => stream(servedName));

const fragments = [
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
  '"error":true,',
  '"error":{"code":{},"message":[],"metadata":[]},',
  '"finish_reason":"error",',
  '"finish_reason":{},',
  '"__proto__":{"choices":1},',
];

const mutated = damageOf({ samples, fragments });

function run(
  pieces: readonly string[],
  options: { hideUsage: boolean; textLimit: number; modelShown: string | undefined },
): unknown {
  const editor = createChatStreamEditor(options);
  const { output, failure } = editPieces(editor, pieces);
  return { output, failure: failure?.message, isComplete: failure === undefined && editor.isComplete() };
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

import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { openaiResponses } from "../../../src/protocols/openai-responses/index.ts";
import { cutAtRandom, forSeeds } from "../../lib/seeded.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { openaiResponsesWire } from "../../support/wire/openai-responses.ts";
import { damageOf } from "../damage.ts";
import { editPieces } from "../whole-stream.ts";
import { decodeStream, encodeStream, joined, origin, scriptList, shortStream, upstreamAnswer } from "./samples.ts";

const samples = scriptList.map(shortStream);

const fragments = [
  "event: error\n",
  '"type":"response.completed",',
  '"type":"response.failed",',
  '"type":"error",',
  '"type":[],',
  '"item":null,',
  '"item":{"type":"function_call","name":1,"call_id":[]},',
  '"item":{"type":"message","content":{}},',
  '"item":[],',
  '"item":{"type":"reasoning","summary":"x","content":[null],"encrypted_content":7},',
  '"output_index":-1,',
  '"output_index":"0",',
  '"output_index":1e308,',
  '"delta":{},',
  '"delta":null,',
  '"response":[],',
  '"response":{"output":[null,{"type":"message"}]},',
  '"response":{"output":{},"usage":"x","incomplete_details":3},',
  '"content_index":9007199254740993,',
  '"logprobs":{},',
  '"error":true,',
  '"error":{"code":{},"message":[]},',
  '"__proto__":{"type":"x"},',
];

const mutated = damageOf({ samples, fragments, reach: 60 });

test("6,000 damaged streams are decoded in order, in any pieces alike, and make a client's stream that is whole", () => {
  let longest = 0;
  forSeeds(6000, (random) => {
    const stream = mutated(random);
    const from = performance.now();
    const events = decodeStream([stream]);
    longest = Math.max(longest, performance.now() - from);
    expect(grammarProblems(events)).toEqual([]);
    if (random.chance(0.1))
      expect(joined(decodeStream(cutAtRandom(stream, random, random.pick([1, 30, 400]))))).toEqual(joined(events));
    if (!random.chance(0.2)) return;
    const output = encodeStream(events);
    if (events.at(-1)?.type !== "finish" && events.at(-1)?.type !== "error") return;
    // What a model wrote as arguments is its own affair; two calls may bear one id.
    expect(
      openaiResponsesWire.problemsOf(output).filter((problem) => !problem.endsWith("a whole call without JSON")),
    ).toEqual([]);
  });
  expect(longest).toBeLessThan(250);
}, 10_000);

/** What the editor makes of a stream. */
function edited(pieces: readonly string[]): string {
  const editor = openaiResponses.createStreamEditor({ modelShown: "shown", hideUsage: false, textLimit: 50 });
  const { output, failure } = editPieces(editor, pieces);
  if (failure !== undefined) editor.fail?.(failure);
  return output;
}

test("4,000 damaged streams never make the editor throw, and mean the same in any pieces", () => {
  forSeeds(4000, (random) => {
    const stream = mutated(random);
    const whole = edited([stream]);
    if (random.chance(0.2)) expect(edited(cutAtRandom(stream, random, random.pick([1, 30, 400])))).toBe(whole);
  });
}, 10_000);

test("5,000 damaged answers are decoded, edited and made streams of, or refused", () => {
  const answers = scriptList.map(upstreamAnswer);
  forSeeds(5000, (random) => {
    let text = random.pick(answers);
    for (let wound = random.below(3); wound >= 0; wound -= 1) {
      const at = random.below(text.length + 1);
      text =
        text.slice(0, at) +
        random.pick([
          "",
          '"',
          "null,",
          "{}",
          '"output":[null,{"type":"reasoning","summary":{}}],',
          "[",
          '"status":3,',
        ]) +
        text.slice(at + random.below(20));
    }
    for (const work of [
      () => openaiResponses.codec.answer.decode(JSON.parse(utf8OfLatin1(text)), { origin }),
      () => openaiResponses.editAnswer(text, { modelShown: "s", hideUsage: false, textLimit: 10 }),
      () => openaiResponses.streamOf(text),
    ])
      try {
        work();
      } catch (error) {
        if (!(error instanceof GatewayError) && !(error instanceof SyntaxError)) throw error;
      }
  });
});

test("a value of every kind in the place of an answer is refused", () => {
  for (const value of [undefined, null, 0, "x", [], {}, { output: 1 }, latin1OfUtf8("é")])
    expect(() => openaiResponses.codec.answer.decode(value, { origin })).toThrow(GatewayError);
});

test("a long stream costs little for each delta", () => {
  const decoder = openaiResponses.codec.stream.createDecoder({ origin });
  const head = `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,"content_index":0,"delta":"word ","logprobs":[]}\n\n`;
  const from = performance.now();
  let count = 0;
  for (let index = 0; index < 50_000; index += 1) count += decoder.push(head).length;
  expect(count).toBe(50_002);
  expect(performance.now() - from).toBeLessThan(1500);
});

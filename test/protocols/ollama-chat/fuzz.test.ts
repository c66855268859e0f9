import { expect, test } from "bun:test";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import type { StreamEvent } from "../../../src/protocols/canonical/stream.ts";
import { ollamaChat } from "../../../src/protocols/ollama-chat/index.ts";
import { ollamaGenerate } from "../../../src/protocols/ollama-generate/index.ts";
import { cutAtRandom, forSeeds } from "../../lib/seeded.ts";
import { grammarProblems } from "../../support/event-grammar.ts";
import { ollamaChatWire } from "../../support/wire/ollama-chat.ts";
import { ollamaGenerateWire } from "../../support/wire/ollama-generate.ts";
import { damageOf } from "../damage.ts";
import { editPieces, encodeEvents } from "../whole-stream.ts";
import { decoded, scripts, target, view } from "./rig.ts";

const sides = [
  { protocol: ollamaChat, wire: ollamaChatWire },
  { protocol: ollamaGenerate, wire: ollamaGenerateWire },
];

const samples = sides.flatMap(({ protocol, wire }) =>
  Object.values(scripts).map((script) => ({
    protocol,
    wire,
    stream: latin1OfUtf8(wire.stream(script).events.join("")),
  })),
);

const fragments = [
  '"message":null,',
  '"message":[],',
  '"message":{"content":5,"thinking":{},"tool_calls":[null,1,{"function":"x"},{"function":{"name":1}}]},',
  '"tool_calls":[{"function":{"name":"f","arguments":[1]}}],',
  '"done":true,',
  '"done":"yes",',
  '"done_reason":{},',
  '"error":{},',
  '"error":"bad",',
  '"prompt_eval_count":-1,',
  '"logprobs":[{}],',
  '{"error":"bad"}\n',
  '{"done":true}\n',
  '"__proto__":{"done":true},',
];

const mutated = damageOf({ samples: samples.map(({ stream }) => stream), fragments });

function withoutIds(events: readonly StreamEvent[]): unknown {
  return events.map((event) => (event.type === "part-start" ? { ...event, part: { ...event.part, id: "" } } : event));
}

test("6,000 damaged streams keep the grammar of events and become sound streams again", () => {
  const from = performance.now();
  forSeeds(6000, (random) => {
    const { protocol, wire, stream } = random.pick(samples);
    const events = decoded(cutAtRandom(mutated(random, stream), random, random.pick([20, 300, 5000])), protocol);
    expect(grammarProblems(events)).toEqual([]);
    const output = encodeEvents(protocol.codec.stream.createEncoder(view()), events);
    const isOver = events.some(({ type }) => type === "finish" || type === "error");
    if (isOver) expect(wire.problemsOf(utf8OfLatin1(output))).toEqual([]);
  });
  expect(performance.now() - from).toBeLessThan(2000);
}, 20_000);

test("a damaged stream means the same in any pieces", () => {
  forSeeds(2000, (random) => {
    const { protocol, stream } = random.pick(samples);
    const text = mutated(random, stream);
    const pieces = cutAtRandom(text, random, random.pick([1, 20, 300]));
    expect(withoutIds(decoded(pieces, protocol))).toEqual(withoutIds(decoded([text], protocol)) as never);
  });
}, 20_000);

test("6,000 damaged streams pass the same lane in any pieces alike", () => {
  forSeeds(6000, (random) => {
    const { protocol, stream } = random.pick(samples);
    const text = mutated(random, stream);
    const run = (pieces: readonly string[]): unknown => {
      const editor = protocol.createStreamEditor({ modelShown: "größe", hideUsage: true, textLimit: 50 });
      const { output, failure } = editPieces(editor, pieces);
      return { output, failure: failure?.message, isComplete: failure === undefined && editor.isComplete() };
    };
    expect(run(cutAtRandom(text, random, random.pick([1, 20, 300])))).toEqual(run([text]));
  });
}, 20_000);

test("5,000 damaged answers are read or are the upstream's fault", () => {
  forSeeds(5000, (random) => {
    const { protocol, wire } = random.pick(sides);
    const text = mutated(random, latin1OfUtf8(wire.whole(random.pick(Object.values(scripts))).body));
    try {
      protocol.editAnswer(text, { modelShown: "m", hideUsage: false, textLimit: 50 });
      protocol.streamOf(text);
      const answer = protocol.codec.answer.decode(JSON.parse(utf8OfLatin1(text)), target());
      JSON.stringify(protocol.codec.answer.encode(answer, view()));
    } catch (error) {
      expect(error).toMatchObject({ name: "GatewayError", status: 502 });
    }
  });
}, 20_000);

test("a line without end is held, and nothing is searched twice", () => {
  const decoder = ollamaChat.codec.stream.createDecoder(target());
  const piece = "x".repeat(1000);
  const from = performance.now();
  for (let count = 0; count < 8000; count += 1) decoder.push(piece);
  expect(decoder.waiting()).toBe(8_000_000);
  expect(performance.now() - from).toBeLessThan(500);
});

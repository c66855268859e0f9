// `bun scripts/fuzz.ts [--streams N] [--seed N]`: damaged streams of every protocol through its decoder, through every client's
// encoder and through the same lane. Nothing may throw, hang, or break the grammar of events. Ends with
// `N passed, N failed`, in protocols.
import { parseArgs } from "node:util";
import { GatewayError } from "../src/errors.ts";
import { latin1OfUtf8 } from "../src/lib/latin1.ts";
import type { ClientView } from "../src/protocols/canonical/codec.ts";
import type { StreamEvent } from "../src/protocols/canonical/stream.ts";
import type { ProtocolId } from "../src/protocols/protocol.ts";
import { protocols } from "../src/protocols/registry.ts";
import { conversationOf, viewOf } from "../test/support/conversation.ts";
import { grammarProblems } from "../test/support/event-grammar.ts";
import { createRandom } from "../test/support/random.ts";
import { wires } from "../test/support/replay-wires.ts";
import type { Script, ScriptPart } from "../test/support/wire/wire.ts";

/** A stream of some hundred bytes takes microseconds: this much is a hang, also on a busy machine. */
const slowMs = 1000;
const mostShown = 20;

const ids = Object.keys(protocols) as ProtocolId[];
const { values } = parseArgs({
  options: { streams: { type: "string", default: "200000" }, seed: { type: "string", default: "1" } },
});
const random = createRandom(Number(values.seed));
const below = (limit: number): number => Math.floor(random() * limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

const texts = [
  "Hi",
  "Grüße 🙂 — 日本",
  '{"a":1}',
  "line\nline\r\n\u2028",
  "<think>x</think>",
  "data: [DONE]\n\n",
  "\\u0000",
];

function part(index: number): ScriptPart {
  const kind = below(3);
  if (kind === 0) return { type: "text", text: pick(texts).repeat(1 + below(3)) };
  if (kind === 1) return { type: "reasoning", text: pick(texts), signature: below(2) === 0 ? undefined : "c2ln" };
  const input = pick(["{}", '{"city":"Zürich","n":[1,2.0,null]}', '{"deep":{"a":{"b":"c"}}}']);
  return { type: "tool_call", id: `call_${index}`, name: pick(["get_weather", "f"]), input };
}

function script(): Script {
  const parts = Array.from({ length: 1 + below(4) }, (_, index) => part(index));
  const hasCalls = parts.some(({ type }) => type === "tool_call");
  return {
    id: "answer-1",
    model: "m",
    parts,
    finish: hasCalls ? "tool_calls" : pick(["end", "length", "filtered"]),
    usage: { input: 20, cacheRead: 5, cacheWrite: 0, output: 9, reasoning: 3 },
  };
}

const failure = new GatewayError({ code: "upstream_error", status: 502, message: "broken" });

const fragments = [
  "\n\n",
  "\r\n\r\n",
  "data: ",
  "data: [DONE]\n\n",
  "event: error\n",
  ": ping\n\n",
  "{",
  "}",
  "[",
  "]",
  '"',
  "\\",
  ",",
  "null",
  "1e999",
  "-0",
  '"error":{"message":"x","code":502},',
  '"index":-1,',
  '"index":1e20,',
  '"type":7,',
  '"choices":[],',
  '"delta":null,',
  '"tool_calls":[null],',
  '"__proto__":{"a":1},',
  "\u0000",
  "\u00ff\u00fe",
  "[".repeat(2000),
  '{"a":'.repeat(1200),
];

function wound(stream: string): string {
  const at = below(stream.length + 1);
  switch (below(7)) {
    case 0:
      return stream.slice(0, at);
    case 1:
      return stream.slice(0, at) + stream.slice(at + 1 + below(30));
    case 2:
      return stream.slice(0, at) + String.fromCharCode(below(256)) + stream.slice(at + 1);
    case 3:
      return stream.slice(0, at) + pick(fragments) + stream.slice(at);
    case 4:
      return stream.slice(0, at) + stream.slice(at, at + below(200)) + stream.slice(at);
    case 5: {
      const events = stream.split(/(?<=\n)(?=\S)/);
      const [from, to] = [below(events.length), below(events.length)];
      [events[from], events[to]] = [events[to] ?? "", events[from] ?? ""];
      return events.join("");
    }
    default:
      return stream.replace(/\d+/, pick(["null", "-1", '"x"', "1e400", "{}", "[]"]));
  }
}

function* pieces(stream: string): Generator<string> {
  for (let at = 0; at < stream.length;) {
    const size = 1 + below(below(4) === 0 ? 3 : 400);
    yield stream.slice(at, at + size);
    at += size;
  }
}

function viewFor(protocol: ProtocolId): ClientView {
  return viewOf({ conversation: conversationOf({ protocol }), framing: below(2) === 0 ? "events" : "array" });
}

/** One damaged stream through everything. Throws with what went wrong. */
function run(id: ProtocolId): void {
  let stream = latin1OfUtf8(wires[id].stream(script()).events.join(""));
  for (let count = 1 + below(3); count > 0; count -= 1) stream = wound(stream);
  const decoder = protocols[id].codec.stream.createDecoder({ origin: "up" });
  const client = pick(ids);
  const encoder = protocols[client].codec.stream.createEncoder(viewFor(client));
  const editor = protocols[id].createStreamEditor({ modelShown: "shown", hideUsage: below(2) === 0, textLimit: 50 });
  const events: StreamEvent[] = [];
  const startedAt = performance.now();
  try {
    for (const piece of pieces(stream)) {
      events.push(...decoder.push(piece));
      editor.push(piece);
    }
    events.push(...decoder.end());
    editor.end();
    for (const event of events) encoder.push(event);
    const last = events.at(-1)?.type;
    if (last !== "finish") encoder.fail(failure);
  } catch (error) {
    throw new Error(
      `${id} → ${client}: ${error instanceof Error ? error.stack : String(error)}\n${JSON.stringify(stream)}`,
      {
        cause: error,
      },
    );
  }
  const tookMs = performance.now() - startedAt;
  const problems = grammarProblems(events);
  if (tookMs > slowMs) problems.push(`took ${tookMs.toFixed(0)} ms`);
  if (problems.length > 0) throw new Error(`${id}: ${problems.join("; ")}\n${JSON.stringify(stream)}`);
}

/** Protocols of which a stream failed. */
const broken = new Set<ProtocolId>();
let failed = 0;
const total = Number(values.streams);
for (let count = 0; count < total; count += 1) {
  const id = ids[count % ids.length] ?? "openai-chat";
  try {
    run(id);
  } catch (error) {
    broken.add(id);
    failed += 1;
    if (failed <= mostShown) console.error(String(error instanceof Error ? error.message : error).slice(0, 1500));
  }
}
console.log(`${total} damaged streams of ${ids.length} protocols: ${failed} failed.`);
console.log(`${ids.length - broken.size} passed, ${broken.size} failed`);
process.exit(failed === 0 ? 0 : 1);

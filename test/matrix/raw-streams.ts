import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { wires } from "../support/replay-wires.ts";
import type { PlayedAnswer } from "../support/wire/wire.ts";
import { must, mustEqual } from "./expectations.ts";
import { fetchRaw, rawRequest, toolless } from "./raw-requests.ts";
import { deliveries, modelOf, type MatrixRig, type UpstreamKind } from "./rig.ts";

export interface RawPairing {
  rig: MatrixRig;
  protocol: ProtocolName;
  upstream: UpstreamKind;
  scenario: string;
}

const prompt = "Wie geht's, 世界? 🌍";

/** Those of a protocol, each with the deliveries that it is worth. */
export function scenariosOf(protocol: ProtocolName): string[] {
  const common = ["plain", "reasoning", "cached", "length", "filtered"];
  return toolless.includes(protocol) ? common : [...common, "tools", "odd-tools"];
}

/** Endings of model names. Answers that differ from others only at their end need not be cut everywhere. */
function suffixesOf(scenario: string): string[] {
  if (["cached", "length", "filtered"].includes(scenario)) return ["", "--split-1"];
  return ["", ...deliveries.map((delivery) => `--${delivery}`)];
}

/** Ollama itself counts each call of a stream as the first; where its bytes stay bytes, that stays. */
function problemsOf({ protocol, upstream }: RawPairing, stream: string): string[] {
  const isOllamas = protocol === "ollama-chat" && upstream.protocol === "ollama-chat";
  return wires[protocol].problemsOf(stream).filter((problem) => !(isOllamas && problem.endsWith("call with index 0")));
}

/** A stream may name what a whole answer leaves out. */
function withoutNulls(content: PlayedAnswer): unknown {
  return JSON.parse(JSON.stringify(content, (_, value: unknown) => value ?? undefined));
}

async function withoutViolations({ rig }: RawPairing, work: () => Promise<void>): Promise<void> {
  const before = rig.upstream.violations.length;
  await work();
  mustEqual(rig.upstream.violations.slice(before), [], "refused by the real upstream");
}

/** A stream in each delivery is right in itself, names the model as asked for, and says what the whole answer says. */
export function compareStreams(pairing: RawPairing): Promise<void> {
  const { rig, protocol, upstream, scenario } = pairing;
  const ask = async (suffix: string, stream: boolean) => {
    const model = modelOf(upstream, scenario + suffix);
    const wish = { model, prompt, stream, tools: scenario.endsWith("tools") };
    const answer = await fetchRaw(rig.gateway.origin, rawRequest(protocol, wish));
    must(answer.includes(JSON.stringify(model)), `'${model}' is not in the answer${suffix}: ${answer.slice(0, 200)}`);
    return answer;
  };
  return withoutViolations(pairing, async () => {
    const whole = withoutNulls(wires[protocol].contentOf(await ask("", false)));
    for (const suffix of suffixesOf(scenario)) {
      const stream = await ask(suffix, true);
      mustEqual(problemsOf(pairing, stream), [], `problems${suffix}`);
      mustEqual(withoutNulls(wires[protocol].contentOf(stream)), whole, `content${suffix}`);
    }
  });
}

/** Gemini's other form of a stream, an array that is written piece by piece. */
export function compareArrays(pairing: RawPairing): Promise<void> {
  const { rig, protocol, upstream, scenario } = pairing;
  const wire = wires[protocol];
  const wish = { prompt, stream: true, tools: scenario.endsWith("tools") };
  return withoutViolations(pairing, async () => {
    for (const suffix of ["", "--split-2"]) {
      const request = rawRequest(protocol, { ...wish, model: modelOf(upstream, scenario + suffix) });
      const events = await fetchRaw(rig.gateway.origin, request);
      const array = await fetchRaw(rig.gateway.origin, { ...request, path: request.path.replace("?alt=sse", "") });
      const pieces = JSON.parse(array) as unknown[];
      const stream = pieces.map((piece) => `data: ${JSON.stringify(piece)}\n\n`).join("");
      mustEqual(wire.problemsOf(stream), [], `problems of the array${suffix}`);
      mustEqual(wire.contentOf(stream), wire.contentOf(events), `content of the array${suffix}`);
    }
  });
}

/** What each protocol says at the end of a whole answer. */
const goodEnds: readonly unknown[] = ["stop", "completed", "end_turn", "STOP", "length", "tool_calls"];

/** A stream that breaks must not look like one that is whole. */
export async function compareBroken({ rig, protocol, upstream, scenario }: RawPairing): Promise<void> {
  const wire = wires[protocol];
  const model = modelOf(upstream, scenario);
  const request = rawRequest(protocol, { model, prompt, stream: true, tools: false });
  const stream = await fetchRaw(rig.gateway.origin, request).catch((error: unknown) => {
    // A connection that breaks is as good as an error, and so is a status where the text came together with the failure.
    if (error instanceof Error && /ECONNRESET|socket|^50\d: /i.test(error.message)) return undefined;
    throw error;
  });
  if (stream === undefined) return;
  const { finish } = wire.contentOf(stream);
  must(!goodEnds.includes(finish), `ends with '${finish}': ${stream.slice(-500)}`);
  must(stream.includes("Grü"), `the text before the end is lost: ${stream.slice(0, 500)}`);
  must(/error|fail/i.test(stream.slice(-1000)), `no error at the end: ${stream.slice(-500)}`);
}

import type { FaultPlace } from "../support/fault-connections.ts";
import { faultPlaces } from "../support/fault-connections.ts";
import { faultModel } from "../support/fault-upstream.ts";
import { faultProtocols, type FaultProtocol } from "../support/fault-wire.ts";
import { expectationOf, limits, retries, type Expectation, type Row } from "./row.ts";

/** One request of the wall: a row of the table in one form, before one to three targets of which only the last is well. */
export interface Case {
  readonly name: string;
  readonly row: Row;
  readonly client: FaultProtocol;
  readonly upstream: FaultProtocol;
  readonly isStream: boolean;
  readonly targets: number;
  readonly expected: Expectation;
  /** The model that the client asks for. */
  readonly alias: string;
  /** Upstream model of each target, used by no other case. */
  readonly models: readonly string[];
  readonly providers: readonly string[];
  /** Where the bad targets are, when that alone is the fault; one for each. */
  readonly places: FaultPlace[];
}

type Pair = readonly [client: FaultProtocol, upstream: FaultProtocol];

const same: readonly Pair[] = faultProtocols.map((protocol) => [protocol, protocol]);
/** Each protocol once as a client's and once as an upstream's. */
const translated: readonly Pair[] = faultProtocols.map((protocol, index) => [
  protocol,
  faultProtocols[(index + 1) % faultProtocols.length] ?? protocol,
]);

const shortNames: Readonly<Record<FaultProtocol, string>> = {
  "openai-chat": "chat",
  "openai-responses": "responses",
  "anthropic-messages": "messages",
  "gemini-generate": "gemini",
  "ollama-chat": "ollama",
};

/** Same lane before one to three targets, translated before one and two. */
function arrangements(): { pair: Pair; targets: number }[] {
  const own = same.flatMap((pair) => [1, 2, 3].map((targets) => ({ pair, targets })));
  return [...own, ...translated.flatMap((pair) => [1, 2].map((targets) => ({ pair, targets })))];
}

export function casesOf(rows: readonly Row[]): Case[] {
  const cases: Case[] = [];
  for (const row of rows)
    for (const isStream of [true, false])
      for (const { pair, targets } of arrangements()) {
        const [client, upstream] = pair;
        if (row.not?.includes(upstream) === true) continue;
        const expected = expectationOf(isStream ? row.stream : row.whole, { client, upstream });
        if (expected === undefined) continue;
        cases.push(caseOf({ row, client, upstream, isStream, targets, expected }, cases.length));
      }
  return cases;
}

type Choice = Pick<Case, "row" | "client" | "upstream" | "isStream" | "targets" | "expected">;

function caseOf(choice: Choice, number: number): Case {
  const { row, client, upstream, isStream, targets } = choice;
  const lane = client === upstream ? shortNames[client] : `${shortNames[client]} to ${shortNames[upstream]}`;
  const tag = `case-${number}`;
  const isWell = (index: number) => index > 0 && index === targets - 1;
  const indexes = Array.from({ length: targets }, (_, index) => index);
  const isOwn = row.isOwn === true || row.place !== undefined;
  return {
    ...choice,
    name: `${lane}, ${isStream ? "stream" : "whole"}, ${targets} ${targets === 1 ? "target" : "targets"}`,
    alias: tag,
    models: indexes.map((index) => (isWell(index) ? `good-model~${tag}` : faultModel(row.fault, `${tag}-${index}`))),
    providers: indexes.map((index) => {
      const name = isWell(index) ? "good" : `bad-${index}`;
      const kind = row.isDeadly === true && !isWell(index) ? `deadly-${name}` : name;
      return isOwn && !isWell(index) ? `${name}-${shortNames[upstream]}-${tag}` : `${kind}-${shortNames[upstream]}`;
    }),
    places: [],
  };
}

/** Stands in every credential, and may stand nowhere else. */
export const canary = "sk-canary-";

type Settings = Readonly<Record<string, unknown>>;

/** Type and address of a provider that speaks a protocol, as one configures it. */
const spoken: Readonly<Record<FaultProtocol, (origin: string) => Settings>> = {
  "openai-chat": (origin) => ({ type: "openai-compatible", baseUrl: `${origin}/openai/v1` }),
  "openai-responses": (origin) => ({
    type: "openai-compatible",
    protocols: ["openai-responses"],
    baseUrl: `${origin}/openai/v1`,
  }),
  "anthropic-messages": (origin) => ({ type: "anthropic", baseUrl: origin }),
  "gemini-generate": (origin) => ({ type: "gemini", baseUrl: origin }),
  "ollama-chat": (origin) => ({ type: "ollama", protocols: ["ollama-chat"], baseUrl: origin }),
};

const timeouts = Object.fromEntries(Object.entries(limits).map(([name, milliseconds]) => [name, `${milliseconds}ms`]));

export function providerSettings(protocol: FaultProtocol, origin: string, name: string): Settings {
  const credentials = [`${canary}${name}-5a1e`];
  return { ...spoken[protocol](origin), credentials, retries, listModels: false, timeouts };
}

async function openPlaces({ row, targets, places }: Case): Promise<void> {
  if (row.place === undefined) return;
  const bad = Math.max(1, targets - 1);
  for (let index = 0; index < bad; index += 1) places.push(await faultPlaces[row.place]());
}

export interface Origins {
  usual: string;
  /** Where no connection survives. */
  deadly: string;
}

/** Providers and models for all cases; nothing that happens to one is felt by another. */
export async function configOf(cases: readonly Case[], origins: Origins, caFile: string): Promise<Settings> {
  const providers: Record<string, Settings> = {};
  const models: Record<string, Settings> = {};
  for (const each of cases) {
    await openPlaces(each);
    const targets = each.providers.map((provider, index) => ({ provider, model: each.models[index] }));
    for (const [index, name] of each.providers.entries()) {
      const origin = name.startsWith("deadly-") ? origins.deadly : origins.usual;
      const settings = providerSettings(each.upstream, each.places[index]?.origin ?? origin, name);
      providers[name] ??= each.row.place === "wrong-name" ? { ...settings, ca: caFile } : settings;
    }
    models[each.alias] = { targets };
  }
  return {
    logging: { file: "traffic.log", content: "full", metricsDir: "metrics" },
    storage: { url: "sqlite://audit.db" },
    // What a case learns of its targets is of no use to another one.
    health: { probes: false, maxErrors: 1_000_000, minRequests: 1_000_000 },
    affinity: { by: "off" },
    providers,
    models,
  };
}

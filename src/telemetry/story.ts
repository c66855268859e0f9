import { dollars, printable, seconds } from "./console-line.ts";
import {
  completionTokens,
  promptTokens,
  type EndReason,
  type PriceSource,
  type PriceUsed,
  type RequestRecord,
} from "./request-record.ts";
import { trailOf } from "./trail-of.ts";
import type { Trail, TrailAttempt, TrailCandidate } from "./trail.ts";

/** What happened to a request in sentences, in order. All of them are safe for a terminal. */
export interface Story {
  /** Who asked for what, and how that became a model with targets. */
  asked: string[];
  candidates: string[];
  /** Attempts, waits and turns to other models, by time. */
  tried: string[];
  /** What is missing in the two before. */
  untold: string[];
  /** How it was carried, what it used and cost, how it ended. */
  ended: string[];
}

const longestCause = 300;
const longestMessage = 1000;

function quoted(name: string): string {
  return name === "" ? "the default model" : `model "${printable(name)}"`;
}

function who({ keyId, clientAddress }: RequestRecord): string {
  const caller = keyId === "anonymous" ? "An anonymous caller" : printable(keyId);
  return clientAddress === undefined ? caller : `${caller} (${printable(clientAddress)})`;
}

function manner({ protocol, operation, stream, task }: RequestRecord): string {
  const parts = [printable(protocol)];
  if (operation !== "chat") parts.push(printable(operation));
  if (stream) parts.push("streamed");
  if (task !== undefined) parts.push(`task "${printable(task)}"`);
  return parts.join(", ");
}

function askedOf(record: RequestRecord, trail: Trail | undefined): string[] {
  const sentences = [`${who(record)} asked for ${quoted(record.modelAsked)} (${manner(record)}).`];
  if (trail === undefined) return sentences;
  const { routedBy, model, strategy, affinity, candidates } = trail;
  if (routedBy !== undefined) sentences.push(`${printable(routedBy)} turned it to ${quoted(model)}.`);
  else if (model !== record.modelAsked) sentences.push(`It stood for ${quoted(model)}.`);
  if (candidates.length > 1 && strategy !== "")
    sentences.push(`Targets were chosen by strategy ${printable(strategy)}.`);
  if (affinity === "kept") sentences.push("It was kept to the target of an earlier request, for its prompt cache.");
  if (affinity === "moved") sentences.push("The target of an earlier request could not be kept to.");
  return sentences;
}

function candidateSentence({ provider, model, state, score, skipped }: TrailCandidate): string {
  const facts = score === undefined ? printable(state) : `${printable(state)}, ${scoreText(score)}`;
  const place = `${placeOf(provider, model)} (${facts})`;
  if (skipped === undefined) return `${place} was in line.`;
  return `${place} was left out: ${printable(skipped, longestCause)}.`;
}

/** A score in at most six digits: its unit depends on the strategy. */
export function scoreText(score: number): string {
  return String(Number(score.toPrecision(6)));
}

function placeOf(provider: string, model: string): string {
  return model === "" ? printable(provider) : `${printable(provider)}/${printable(model)}`;
}

/** What stands before and behind the target's name. */
const kinds: Readonly<Record<TrailAttempt["kind"], readonly [string, string]>> = {
  first: ["asked", ""],
  retry: ["asked", " once more"],
  failover: ["turned to", ""],
  hedge: ["asked", " as well (hedge)"],
  last_resort: ["asked", " as a last resort"],
};

function outcomeOf({ outcome, status, cause, ms }: TrailAttempt): string {
  if (outcome === "ok") return `it answered after ${seconds(ms)}`;
  if (outcome === "called_off") return `called off after ${seconds(ms)}, another was faster`;
  const answered = status === undefined ? "" : ` (status ${status})`;
  const why = cause === undefined ? "" : `: ${withoutStop(printable(cause, longestCause))}`;
  return `${printable(outcome)}${answered} after ${seconds(ms)}${why}`;
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, "");
}

function attemptSentence(attempt: TrailAttempt): string {
  const { provider, model, credential, kind } = attempt;
  const key = credential === "" || credential === "none" ? "" : `, credential ${printable(credential)}`;
  const [before, behind] = kinds[kind];
  return `${before} ${placeOf(provider, model)}${behind}${key}: ${outcomeOf(attempt)}`;
}

export interface Step {
  atMs: number;
  /** Within a millisecond. */
  rank: number;
  sentence: string;
  attempt?: TrailAttempt;
}

/** Everything that was tried, by time; what began in the same millisecond stays in its order. */
export function stepsOf({ attempts, waits, fallbacks = [] }: Trail): Step[] {
  const steps: Step[] = [
    ...fallbacks.map(({ model, because, atMs, attemptsBefore = 0 }) => {
      const why = because === undefined ? "" : `, because ${printable(because, longestCause)}`;
      return { atMs, rank: attemptsBefore - 0.5, sentence: `went on with ${quoted(model)}${why}` };
    }),
    ...waits.map(({ for: what, atMs, ms }) => ({
      atMs,
      rank: -1,
      sentence: `waited ${seconds(ms)} for ${printable(what)}`,
    })),
    ...attempts.map((attempt, rank) => ({ atMs: attempt.atMs, rank, sentence: attemptSentence(attempt), attempt })),
  ];
  return steps.sort((left, right) => left.atMs - right.atMs || left.rank - right.rank);
}

function untoldOf({ attempts }: RequestRecord, trail: Trail | undefined): string[] {
  if (trail === undefined)
    return attempts === 0 ? [] : [`Sent upstream ${attempts === 1 ? "once" : `${attempts} times`}; more is not known.`];
  const { omitted } = trail;
  if (omitted === undefined) return [];
  const parts = Object.entries(omitted).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  return parts.length === 0 ? [] : [`${parts.join(", ")} more were left out here: the list was too long to be kept.`];
}

const lanes: Readonly<Record<string, string>> = {
  same: "It was passed on in the client's own protocol (lane same).",
  translate: "It was translated into the upstream's protocol and back (lane translate).",
  opaque: "It was passed on unread (lane opaque).",
};

function carried(record: RequestRecord, trail: Trail | undefined): string[] {
  const lane = trail?.lane ?? record.lane;
  const sentences = lane === undefined ? [] : [lanes[lane] ?? `Lane: ${printable(lane)}.`];
  if (record.dropped.length > 0)
    sentences.push(`Not carried to the upstream: ${printable(record.dropped.join(", "), longestMessage)}.`);
  return sentences;
}

function detail(count: number | undefined, what: string): string {
  return count === undefined || count === 0 ? "" : ` (${count} ${what})`;
}

function usageSentence({ usage, usageSource }: RequestRecord): string {
  const input = promptTokens(usage);
  const output = completionTokens(usage);
  if (input === undefined && output === undefined) return "Tokens: not known.";
  const told = usageSource === "estimated" ? ", estimated" : usageSource === "partial_upstream" ? ", so far" : "";
  const cached = detail(usage.cacheRead, "from a cache") + detail(usage.cacheWrite, "into a cache");
  return `Tokens: ${input ?? "?"} in${cached}, ${output ?? "?"} out${detail(usage.reasoning, "of reasoning")}${told}.`;
}

const priceSources: Readonly<Record<PriceSource, string>> = {
  config: "the configuration",
  list: "the upstream's own list",
  table: "the price table",
};

function priceText({ input, output, request }: PriceUsed): string {
  const fee = request === undefined ? "" : ` and ${dollars(request)} a request`;
  return `${dollars(input)} in and ${dollars(output)} out for a million tokens${fee}`;
}

/** Of a price that was looked up when the request ended. */
function pricedSentence({ costUsd, usage, usageSource }: RequestRecord, price: PriceUsed): string {
  const origin = `${priceSources[price.source]} of ${printable(price.asOf)}`;
  const list = `${priceText(price)}, as ${origin} says`;
  if (costUsd !== undefined) {
    const amount = usageSource === "estimated" ? `about ${dollars(costUsd)}, of estimated tokens` : dollars(costUsd);
    return `Cost: ${amount}: the upstream does not say, computed at ${list}.`;
  }
  const missing: string[] = [];
  if ((usage.cacheRead ?? 0) > 0 && price.cacheRead === undefined) missing.push("cache reads");
  if ((usage.cacheWrite ?? 0) > 0 && price.cacheWrite === undefined) missing.push("cache writes");
  if (missing.length === 0) return `Cost: not known; the price is ${list}.`;
  return `Cost: not known: ${origin} has no price of ${missing.join(" and ")}; prices.models can set one.`;
}

function costSentence(record: RequestRecord): string {
  const { costUsd, costSource, priceUsed } = record;
  if (costUsd !== undefined && costSource !== "computed") return `Cost: ${dollars(costUsd)}, as the upstream says.`;
  if (priceUsed !== undefined) return pricedSentence(record, priceUsed);
  return "Cost: not known.";
}

const endings: Readonly<Record<EndReason, string>> = {
  completed: "It was answered",
  client_cancelled: "The client left",
  rejected: "The gateway refused it",
  upstream_error: "It failed upstream",
  timeout: "It ran out of time",
  shutdown: "It was cut by the shutdown of the gateway",
  internal_error: "The gateway itself failed",
};

function ending(record: RequestRecord): string[] {
  const { endReason, status, latencyMs, ttftMs, overheadMs, errorCode, errorMessage } = record;
  const times = [seconds(latencyMs)];
  if (ttftMs !== undefined) times.push(`first content after ${seconds(ttftMs)}`);
  times.push(`${seconds(overheadMs)} of it the gateway's own work`);
  // A database may hold an ending of a later release.
  const how = endings[endReason] ?? printable(endReason);
  const sentences = [`${how} with status ${status} after ${times.join(", ")}.`];
  if (errorCode !== undefined || errorMessage !== undefined) {
    const error = [errorCode, errorMessage].filter((part) => part !== undefined).join(": ");
    sentences.push(`Error: ${printable(error, longestMessage)}`);
  }
  return sentences;
}

function sentence({ atMs, sentence: text }: Step): string {
  return `At ${seconds(atMs)}: ${text}.`;
}

export function tellStory(record: RequestRecord): Story {
  const trail = trailOf(record);
  const wasSent = record.attempts > 0 || record.usageSource !== "none";
  return {
    asked: askedOf(record, trail),
    candidates: (trail?.candidates ?? []).map(candidateSentence),
    tried: trail === undefined ? [] : stepsOf(trail).map(sentence),
    untold: untoldOf(record, trail),
    ended: [
      ...carried(record, trail),
      ...(wasSent ? [usageSentence(record), costSentence(record)] : []),
      ...ending(record),
    ],
  };
}

/** The whole story of a request for people. Pure; the same for the command line and the API. */
export function storyOf(record: RequestRecord): string[] {
  const { asked, candidates, tried, untold, ended } = tellStory(record);
  return [...asked, ...candidates, ...tried, ...untold, ...ended];
}

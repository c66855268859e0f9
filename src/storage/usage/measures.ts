import { wholeTokens } from "../../lib/whole-tokens.ts";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import { maybeNumberIn, numberIn, type SqlRow, type SqlValue, textIn } from "../sql/steps.ts";
import {
  addBucket,
  addHistogramText,
  addShare,
  bucketOf,
  emptyHistogram,
  type Histogram,
  histogramText,
} from "./histogram.ts";

/** What is counted of many requests together. */
export interface Measures {
  requests: number;
  errors: number;
  input: number;
  cacheRead: number;
  cacheWrite: number;
  output: number;
  reasoning: number;
  /** `undefined` = of none of them it is known. */
  costUsd: number | undefined;
  /** About what the requests take in the database. */
  bytes: number;
  /** `undefined` = of none. */
  latencies: Histogram | undefined;
  ttfts: Histogram | undefined;
}

/** The parts of a request that are counted. */
export type Countable = Pick<RequestRecord, "endReason" | "usage" | "costUsd" | "provider" | "latencyMs" | "ttftMs">;

/** What one request adds to every total that it belongs to. */
export interface Figures {
  readonly errors: 0 | 1;
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
  readonly costUsd: number | undefined;
  readonly bytes: number;
  readonly latencyBucket: number | undefined;
  readonly ttftBucket: number | undefined;
}

export function emptyMeasures(): Measures {
  return {
    requests: 0,
    errors: 0,
    input: 0,
    cacheRead: 0,
    cacheWrite: 0,
    output: 0,
    reasoning: 0,
    costUsd: undefined,
    bytes: 0,
    latencies: undefined,
    ttfts: undefined,
  };
}

/** An upstream may report nonsense. */
function tokens(value: number | undefined): number {
  return (value === undefined ? undefined : wholeTokens(value)) ?? 0;
}

function maybeBucket(milliseconds: number | undefined): number | undefined {
  return milliseconds !== undefined && Number.isFinite(milliseconds) ? bucketOf(milliseconds) : undefined;
}

/** How long a request took, where an upstream had a part in it: a refusal is over at once, and would make the rest look quick. */
export function durationsOf({
  provider,
  latencyMs,
  ttftMs,
}: Pick<RequestRecord, "provider" | "latencyMs" | "ttftMs">): { latencyMs?: number; ttftMs?: number | undefined } {
  return provider === undefined ? {} : { latencyMs, ttftMs };
}

export function figuresOf(record: Countable, bytes: number): Figures {
  const { endReason, usage, costUsd } = record;
  const { latencyMs, ttftMs } = durationsOf(record);
  return {
    errors: endReason === "completed" || endReason === "client_cancelled" ? 0 : 1,
    input: tokens(usage.input),
    cacheRead: tokens(usage.cacheRead),
    cacheWrite: tokens(usage.cacheWrite),
    output: tokens(usage.output),
    reasoning: tokens(usage.reasoning),
    costUsd: costUsd !== undefined && Number.isFinite(costUsd) ? costUsd : undefined,
    bytes,
    latencyBucket: maybeBucket(latencyMs),
    ttftBucket: maybeBucket(ttftMs),
  };
}

export function addFigures(into: Measures, figures: Figures): void {
  into.requests += 1;
  into.errors += figures.errors;
  into.input += figures.input;
  into.cacheRead += figures.cacheRead;
  into.cacheWrite += figures.cacheWrite;
  into.output += figures.output;
  into.reasoning += figures.reasoning;
  if (figures.costUsd !== undefined) into.costUsd = (into.costUsd ?? 0) + figures.costUsd;
  into.bytes += figures.bytes;
  if (figures.latencyBucket !== undefined) addBucket((into.latencies ??= emptyHistogram()), figures.latencyBucket);
  if (figures.ttftBucket !== undefined) addBucket((into.ttfts ??= emptyHistogram()), figures.ttftBucket);
}

function numberValues(measures: Measures) {
  return {
    requests: measures.requests,
    errors: measures.errors,
    tokens_input: measures.input,
    tokens_cache_read: measures.cacheRead,
    tokens_cache_write: measures.cacheWrite,
    tokens_output: measures.output,
    tokens_reasoning: measures.reasoning,
    cost_usd: measures.costUsd ?? null,
    bytes: measures.bytes,
  } satisfies Readonly<Record<string, SqlValue>>;
}

/** The columns of a row of totals that hold measures. */
export function measureValues(measures: Measures) {
  return {
    ...numberValues(measures),
    latencies: histogramText(measures.latencies),
    ttfts: histogramText(measures.ttfts),
  } satisfies Readonly<Record<string, SqlValue>>;
}

/** Adds what a row says of some requests but how long they took. */
export function addNumbers(into: Measures, row: SqlRow): void {
  into.requests += numberIn(row, "requests");
  into.errors += numberIn(row, "errors");
  into.input += numberIn(row, "tokens_input");
  into.cacheRead += numberIn(row, "tokens_cache_read");
  into.cacheWrite += numberIn(row, "tokens_cache_write");
  into.output += numberIn(row, "tokens_output");
  into.reasoning += numberIn(row, "tokens_reasoning");
  const costUsd = maybeNumberIn(row, "cost_usd");
  if (costUsd !== undefined) into.costUsd = (into.costUsd ?? 0) + costUsd;
  into.bytes += numberIn(row, "bytes");
}

/** Adds what was counted elsewhere. */
export function addMeasures(into: Measures, from: Measures): void {
  const { latencies, ttfts } = from;
  addNumbers(into, numberValues(from));
  if (latencies) addShare((into.latencies ??= emptyHistogram()), latencies, 1);
  if (ttfts) addShare((into.ttfts ??= emptyHistogram()), ttfts, 1);
}

/** Adds what a row of totals says. */
export function addRow(into: Measures, row: SqlRow): void {
  addNumbers(into, row);
  addHistogramText((into.latencies ??= emptyHistogram()), textIn(row, "latencies"));
  addHistogramText((into.ttfts ??= emptyHistogram()), textIn(row, "ttfts"));
}

/** Adds what a row says of some requests; their durations are spread as those of more requests that they are a part of. */
export function addPart(into: Measures, row: SqlRow, whole: Measures): void {
  addNumbers(into, row);
  const share = numberIn(row, "requests") / Math.max(1, whole.requests);
  if (whole.latencies) addShare((into.latencies ??= emptyHistogram()), whole.latencies, share);
  if (whole.ttfts) addShare((into.ttfts ??= emptyHistogram()), whole.ttfts, share);
}

import type { Grouping, StatisticsRow } from "../../src/storage/store.ts";
import { localDay, localHour } from "../../src/telemetry/local-time.ts";
import { completionTokens, promptTokens, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { createRandom } from "../support/random.ts";

export interface RandomRecordsOptions {
  seed: number;
  /** Epoch milliseconds. */
  start: number;
  spanMs: number;
}

export function randomRecords(count: number, { seed, start, spanMs }: RandomRecordsOptions): RequestRecord[] {
  const random = createRandom(seed);
  const pick = <Value>(...values: Value[]) => values[Math.floor(random() * values.length)] as Value;
  return Array.from({ length: count }, () => {
    const endReason = pick("completed", "completed", "completed", "client_cancelled", "upstream_error", "rejected");
    const modelServed = pick(undefined, "gpt", "claude | odd", "лама");
    const maybe = (value: number) => (random() < 0.3 ? undefined : Math.floor(random() * value));
    return makeRecord({
      startedAt: start + Math.floor(random() * spanMs),
      endReason,
      status: { completed: 200, client_cancelled: 499, upstream_error: 503, rejected: 400 }[endReason],
      // What went nowhere was served by nothing.
      modelServed,
      attempts: modelServed === undefined ? 0 : pick(1, 2),
      provider: modelServed === undefined ? undefined : pick("openrouter", "groq"),
      modelAsked: pick("orcestator", "gpt"),
      keyId: pick("team-a", "team-b", "anonymous"),
      usage: {
        input: maybe(5000),
        cacheRead: maybe(100),
        cacheWrite: maybe(50),
        output: maybe(900),
        reasoning: maybe(90),
      },
      // Powers of two add up exactly in any order.
      costUsd: maybe(8) === undefined ? undefined : 2 ** -pick(3, 10, 20),
      latencyMs: Math.floor(random() * 20_000),
      ttftMs: maybe(3000),
    });
  });
}

function percentiles(values: number[]): StatisticsRow["latencyMs"] {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
  return sorted.length === 0 ? undefined : { p50: at(50), p95: at(95), p99: at(99) };
}

function sumOf(values: (number | undefined)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

const groupOf = {
  model: (record) => record.modelServed ?? record.modelAsked,
  day: (record) => localDay(record.startedAt),
  hour: (record) => localHour(record.startedAt),
  key: (record) => record.keyId,
  provider: (record) => record.provider ?? "(none)",
} satisfies Record<Grouping, (record: RequestRecord) => string>;

export function expectedRow(group: string, records: RequestRecord[]): StatisticsRow {
  const sent = records.filter(({ attempts }) => attempts > 0);
  const costs = records.flatMap(({ costUsd }) => costUsd ?? []);
  return {
    group,
    requests: records.length,
    errors: records.filter(({ status }) => status === 503 || status === 400).length,
    promptTokens: sumOf(records.map(({ usage }) => promptTokens(usage))),
    completionTokens: sumOf(records.map(({ usage }) => completionTokens(usage))),
    costUsd: costs.length === 0 ? undefined : sumOf(costs),
    latencyMs: percentiles(sent.map(({ latencyMs }) => latencyMs)),
    ttftMs: percentiles(sent.flatMap(({ ttftMs }) => ttftMs ?? [])),
  };
}

export function byName(left: StatisticsRow, right: StatisticsRow): number {
  return left.group < right.group ? -1 : 1;
}

/** What statistics must say, by name. */
export function expectedRows(records: RequestRecord[], by: Grouping): StatisticsRow[] {
  const groups = Map.groupBy(records, groupOf[by]);
  return [...groups].map(([group, members]) => expectedRow(group, members)).toSorted(byName);
}

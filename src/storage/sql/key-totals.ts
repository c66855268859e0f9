import type { KeyTotals } from "../store.ts";
import { keyRange } from "../usage/ranges.ts";
import { bucketStart, hourMs } from "../usage/views.ts";
import { maybeNumberIn, numberIn, statement, type Steps } from "./steps.ts";

/** One range of the primary key, added up by the engine. Shown to the query planner by a test. */
export const keyTotalsSql = `SELECT sum(requests) AS requests, sum(errors) AS errors,
    sum(tokens_input + tokens_cache_read + tokens_cache_write) AS prompt,
    sum(tokens_output + tokens_reasoning) AS completion, sum(cost_usd) AS cost
  FROM usage_totals WHERE id >= ? AND id < ?`;

export function* keyTotalsSteps(key: string, instant: number): Steps<KeyTotals> {
  const since = bucketStart(instant, hourMs);
  const { from, to } = keyRange(key, since);
  const [row = {}] = (yield statement(keyTotalsSql, from, to)).rows;
  return {
    since,
    requests: numberIn(row, "requests"),
    errors: numberIn(row, "errors"),
    promptTokens: numberIn(row, "prompt"),
    completionTokens: numberIn(row, "completion"),
    costUsd: maybeNumberIn(row, "cost"),
  };
}

import type { Usage } from "../../telemetry/request-record.ts";
import { amountOf, countOf, fieldsOf, type Fields } from "../fields.ts";
import { disjointUsage, type ReportedUsage } from "../reported-usage.ts";

/** The five disjoint counts of a Responses `usage` object, whose cached and reasoning tokens are subsets. */
export function readUsage(value: unknown): ReportedUsage | undefined {
  const usage = fieldsOf(value);
  const input = countOf(usage["input_tokens"]);
  const output = countOf(usage["output_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  const inputDetails = fieldsOf(usage["input_tokens_details"]);
  const cacheRead = countOf(inputDetails["cached_tokens"]);
  const cacheWrite = countOf(inputDetails["cache_write_tokens"]);
  const reasoning = countOf(fieldsOf(usage["output_tokens_details"])["reasoning_tokens"]);
  const total = countOf(usage["total_tokens"]);
  return {
    usage: disjointUsage({ input, cacheRead, cacheWrite, output, reasoning, total }),
    costUsd: amountOf(usage["cost"]),
  };
}

/** The view of a Responses client; `null` where nothing is known. */
export function usageView(usage: Usage | undefined): Fields | null {
  if (usage === undefined || Object.values(usage).every((count) => count === undefined)) return null;
  const { input = 0, cacheRead = 0, cacheWrite = 0, output = 0, reasoning = 0 } = usage;
  const inputTokens = input + cacheRead + cacheWrite;
  const outputTokens = output + reasoning;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWrite },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: inputTokens + outputTokens,
  };
}

import { amountOf, countOf, fieldsOf } from "../fields.ts";
import { disjointUsage, type ReportedUsage } from "../reported-usage.ts";

/**
 * The five disjoint counts of an OpenAI `usage` object: cached and reasoning tokens are subsets there. Read by hand, as
 * it stands in every answer and no field of it may fail the others.
 */
export function readUsage(value: unknown): ReportedUsage | undefined {
  const usage = fieldsOf(value);
  const prompt = countOf(usage["prompt_tokens"]);
  const completion = countOf(usage["completion_tokens"]);
  if (prompt === undefined && completion === undefined) return undefined;
  const promptDetails = fieldsOf(usage["prompt_tokens_details"]);
  // DeepSeek and Moonshot tell of their caches beside the sums.
  const cacheRead =
    countOf(promptDetails["cached_tokens"]) ??
    countOf(usage["prompt_cache_hit_tokens"]) ??
    countOf(usage["cached_tokens"]);
  const cacheWrite = countOf(promptDetails["cache_write_tokens"]);
  const reasoning = countOf(fieldsOf(usage["completion_tokens_details"])["reasoning_tokens"]);
  const total = countOf(usage["total_tokens"]);
  return {
    usage: disjointUsage({ input: prompt, cacheRead, cacheWrite, output: completion, reasoning, total }),
    costUsd: amountOf(usage["cost"]),
  };
}

import type { Usage } from "../../telemetry/request-record.ts";

export interface ReportedUsage {
  usage: Usage;
  costUsd: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Upstreams write all kinds of things where a count belongs; what cannot be one is not known. */
function countOf(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** xAI leaves reasoning out of the completion; only the total shows it. */
function isReasoningApart(usage: Fields, reasoning: number | undefined): boolean {
  if (reasoning === undefined || reasoning === 0) return false;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  if (typeof prompt !== "number" || typeof completion !== "number" || typeof total !== "number") return false;
  return total - prompt - completion === reasoning;
}

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
  const inCompletion = isReasoningApart(usage, reasoning) ? 0 : (reasoning ?? 0);
  return {
    usage: {
      input: prompt === undefined ? undefined : Math.max(0, prompt - (cacheRead ?? 0) - (cacheWrite ?? 0)),
      cacheRead,
      cacheWrite,
      output: completion === undefined ? undefined : Math.max(0, completion - inCompletion),
      reasoning,
    },
    costUsd: countOf(usage["cost"]),
  };
}

import type { Usage } from "../../telemetry/request-record.ts";
import { usageSchema } from "./schema.ts";

export interface ReportedUsage {
  usage: Usage;
  costUsd: number | undefined;
}

/** The five disjoint counts of an OpenAI `usage` object: cached and reasoning tokens are subsets there. */
export function readUsage(value: unknown): ReportedUsage | undefined {
  const parsed = usageSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { prompt_tokens: prompt, completion_tokens: completion } = parsed.data;
  if (typeof prompt !== "number" && typeof completion !== "number") return undefined;
  const cacheRead = parsed.data.prompt_tokens_details?.cached_tokens ?? undefined;
  const cacheWrite = parsed.data.prompt_tokens_details?.cache_write_tokens ?? undefined;
  const reasoning = parsed.data.completion_tokens_details?.reasoning_tokens ?? undefined;
  return {
    usage: {
      input: typeof prompt === "number" ? Math.max(0, prompt - (cacheRead ?? 0) - (cacheWrite ?? 0)) : undefined,
      cacheRead,
      cacheWrite,
      output: typeof completion === "number" ? Math.max(0, completion - (reasoning ?? 0)) : undefined,
      reasoning,
    },
    costUsd: parsed.data.cost ?? undefined,
  };
}

import type { Usage } from "../../telemetry/request-record.ts";
import type { Fields } from "../fields.ts";

/** OpenAI's view of the five counts: cached tokens are among those of the prompt, reasoning among those of the answer. */
export function usageShown(usage: Usage, costUsd: number | undefined): Fields {
  const { input = 0, cacheRead, cacheWrite, output = 0, reasoning } = usage;
  const prompt = input + (cacheRead ?? 0) + (cacheWrite ?? 0);
  const completion = output + (reasoning ?? 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: cacheRead ?? 0,
      ...(cacheWrite === undefined ? {} : { cache_write_tokens: cacheWrite }),
    },
    completion_tokens_details: { reasoning_tokens: reasoning ?? 0 },
    ...(costUsd === undefined ? {} : { cost: costUsd }),
  };
}

import type { Usage } from "../telemetry/request-record.ts";

export interface ReportedUsage {
  usage: Usage;
  costUsd: number | undefined;
}

/** Counts as OpenAI's protocols have them: cached tokens are part of the input, reasoning is part of the output. */
interface InclusiveCounts extends Usage {
  total: number | undefined;
}

/** xAI leaves reasoning out of the output; only the total shows it. */
function isReasoningApart({ input, output, total, reasoning }: InclusiveCounts): boolean {
  if (input === undefined || output === undefined || total === undefined || reasoning === undefined) return false;
  return reasoning > 0 && total - input - output === reasoning;
}

/** The five disjoint counts. */
export function disjointUsage(counts: InclusiveCounts): Usage {
  const { input, cacheRead, cacheWrite, output, reasoning } = counts;
  const inOutput = isReasoningApart(counts) ? 0 : (reasoning ?? 0);
  return {
    input: input === undefined ? undefined : Math.max(0, input - (cacheRead ?? 0) - (cacheWrite ?? 0)),
    cacheRead,
    cacheWrite,
    output: output === undefined ? undefined : Math.max(0, output - inOutput),
    reasoning,
  };
}

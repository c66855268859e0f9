import { completionTokens, promptTokens, type RequestRecord } from "../telemetry/request-record.ts";

/** Tokens to settle limits with; `undefined` = the estimate stays. */
export function tokensOf({ usage, usageSource, endReason, attempts, operation }: RequestRecord): number | undefined {
  const isMetered = operation === "chat" || operation === "embeddings" || operation === "opaque";
  if (usageSource === "none") return isMetered && endReason === "completed" && attempts > 0 ? undefined : 0;
  return (promptTokens(usage) ?? 0) + (completionTokens(usage) ?? 0);
}

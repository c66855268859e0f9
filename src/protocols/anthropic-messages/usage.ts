import { completionTokens, promptTokens, type Usage } from "../../telemetry/request-record.ts";
import { amountOf, countOf, fieldsOf, type Fields } from "../fields.ts";
import type { ReportedUsage } from "../reported-usage.ts";

/** Tokens written to the cache: the sum, or its parts by lifetime where only those are told. */
function cacheWriteOf(usage: Fields): number | undefined {
  const sum = countOf(usage["cache_creation_input_tokens"]);
  if (sum !== undefined) return sum;
  const parts = fieldsOf(usage["cache_creation"]);
  const short = countOf(parts["ephemeral_5m_input_tokens"]);
  const long = countOf(parts["ephemeral_1h_input_tokens"]);
  return short === undefined && long === undefined ? undefined : (short ?? 0) + (long ?? 0);
}

/**
 * The five disjoint counts of an Anthropic `usage` object: input leaves the caches out already, output has the thinking
 * in it. A stream tells it in pieces; what a later one does not say stays as `before` has it.
 */
export function readUsage(value: unknown, before?: ReportedUsage): ReportedUsage | undefined {
  const fields = fieldsOf(value);
  const input = countOf(fields["input_tokens"]);
  const cacheRead = countOf(fields["cache_read_input_tokens"]);
  const cacheWrite = cacheWriteOf(fields);
  const told = countOf(fields["output_tokens"]);
  const thinking = countOf(fieldsOf(fields["output_tokens_details"])["thinking_tokens"]);
  const isSilent = [input, cacheRead, cacheWrite, told, thinking].every((count) => count === undefined);
  if (isSilent) return before;
  const output = told ?? (before === undefined ? undefined : completionTokens(before.usage));
  const reasoning = thinking ?? before?.usage.reasoning;
  return {
    usage: {
      input: input ?? before?.usage.input,
      cacheRead: cacheRead ?? before?.usage.cacheRead,
      cacheWrite: cacheWrite ?? before?.usage.cacheWrite,
      output: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
      reasoning,
    },
    // OpenRouter's.
    costUsd: amountOf(fields["cost"]) ?? before?.costUsd,
  };
}

export interface UsageShown {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
  output_tokens_details?: { thinking_tokens: number };
}

/** Anthropic's view; where nothing is known, the estimates stand, since its clients do sums with every field. */
export function writeUsage(usage: Usage | undefined, estimated: { input: number; output: number }): UsageShown {
  const isInputKnown = usage !== undefined && promptTokens(usage) !== undefined;
  const output = usage === undefined ? undefined : completionTokens(usage);
  const reasoning = usage?.reasoning;
  return {
    input_tokens: isInputKnown ? (usage.input ?? 0) : estimated.input,
    cache_creation_input_tokens: usage?.cacheWrite ?? 0,
    cache_read_input_tokens: usage?.cacheRead ?? 0,
    output_tokens: output ?? estimated.output,
    ...(reasoning === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
  };
}

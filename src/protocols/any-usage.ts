import type { Usage } from "../telemetry/request-record.ts";
import { amountOf, countOf, fieldsOf, isFields, jsonOf, stringOf, type Fields } from "./fields.ts";
import { readUsage } from "./openai-chat/usage.ts";
import { readUsage as readResponsesUsage } from "./openai-responses/usage.ts";

export interface SeenUsage {
  usage: Usage | undefined;
  costUsd: number | undefined;
  model: string | undefined;
}

const nothing: SeenUsage = { usage: undefined, costUsd: undefined, model: undefined };

/** Anthropic's counts are disjoint already. */
function readAnthropicUsage(usage: Fields): Usage {
  return {
    input: countOf(usage["input_tokens"]),
    cacheRead: countOf(usage["cache_read_input_tokens"]),
    cacheWrite: countOf(usage["cache_creation_input_tokens"]),
    output: countOf(usage["output_tokens"]),
    reasoning: undefined,
  };
}

function readGeminiUsage(usage: Fields): Usage {
  const [prompt, cacheRead] = [countOf(usage["promptTokenCount"]), countOf(usage["cachedContentTokenCount"])];
  return {
    input: prompt === undefined ? undefined : Math.max(0, prompt - (cacheRead ?? 0)),
    cacheRead,
    cacheWrite: undefined,
    output: countOf(usage["candidatesTokenCount"]),
    reasoning: countOf(usage["thoughtsTokenCount"]),
  };
}

function readAny(usage: Fields): Usage | undefined {
  if ("prompt_tokens" in usage || "completion_tokens" in usage) return readUsage(usage)?.usage;
  if ("promptTokenCount" in usage) return readGeminiUsage(usage);
  if (!("input_tokens" in usage) && !("output_tokens" in usage)) return undefined;
  const isOpenai = "input_tokens_details" in usage || "total_tokens" in usage;
  return isOpenai ? readResponsesUsage(usage)?.usage : readAnthropicUsage(usage);
}

/** What an answer of an endpoint that nobody modelled says of its cost, in any protocol's words. */
export function usageOfAnswer(answer: Fields): SeenUsage {
  const usage = fieldsOf(answer["usage"] ?? answer["usageMetadata"]);
  return {
    usage: readAny(usage),
    costUsd: amountOf(usage["cost"]),
    model: stringOf(answer["model"]) ?? stringOf(answer["modelVersion"]),
  };
}

/** The same of a stream, from its last events: the newest usage counts. */
export function usageOfEvents(tail: string): SeenUsage {
  for (const line of tail.split("\n").reverse()) {
    if (!line.includes('"usage')) continue;
    const value = jsonOf(line.startsWith("data:") ? line.slice("data:".length) : line);
    if (!isFields(value)) continue;
    const answer = isFields(value["response"]) ? value["response"] : value;
    const seen = usageOfAnswer(answer);
    if (seen.usage !== undefined) return seen;
  }
  return nothing;
}

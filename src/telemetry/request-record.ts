import { wholeTokens } from "../lib/whole-tokens.ts";
import type { Trail } from "./trail.ts";

/** Token counts as five disjoint numbers; `undefined` = not known. Each protocol's own view is derived from these. */
export interface Usage {
  /** Input tokens neither read from nor written to a prompt cache. */
  input: number | undefined;
  cacheRead: number | undefined;
  cacheWrite: number | undefined;
  /** Output tokens without reasoning. */
  output: number | undefined;
  reasoning: number | undefined;
}

export const unknownUsage: Readonly<Usage> = {
  input: undefined,
  cacheRead: undefined,
  cacheWrite: undefined,
  output: undefined,
  reasoning: undefined,
};

function maybeWhole(tokens: number | undefined): number | undefined {
  return tokens === undefined ? undefined : wholeTokens(tokens);
}

/** What an upstream says, as numbers that can be added up. */
export function wholeUsage({ input, cacheRead, cacheWrite, output, reasoning }: Usage): Usage {
  return {
    input: maybeWhole(input),
    cacheRead: maybeWhole(cacheRead),
    cacheWrite: maybeWhole(cacheWrite),
    output: maybeWhole(output),
    reasoning: maybeWhole(reasoning),
  };
}

export type UsageSource = "upstream" | "partial_upstream" | "estimated" | "none";

export type EndReason =
  | "completed"
  | "client_cancelled"
  /** Refused by the gateway before anything went upstream. */
  | "rejected"
  | "upstream_error"
  | "timeout"
  /** Cut by a drain that ran out of time. */
  | "shutdown"
  | "internal_error";

/** Who says what a request is charged by: the configuration, the upstream's own list of models, or the price table. */
export type PriceSource = "config" | "list" | "table";

/** What one request is charged by: US dollars for a million tokens. `undefined` = not known. */
export interface PriceUsed {
  /** Of tokens neither read from nor written to a prompt cache. */
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number | undefined;
  readonly cacheWrite: number | undefined;
  /** `undefined` = as `output`. */
  readonly reasoning: number | undefined;
  /** US dollars for each request, besides its tokens; `undefined` = there is no such fee. */
  readonly request: number | undefined;
  readonly source: PriceSource;
  /** The day, `2026-11-20`, that the source is of. */
  readonly asOf: string;
}

export type Operation =
  | "chat"
  | "embeddings"
  | "images"
  | "audio"
  | "moderations"
  | "rerank"
  | "count_tokens"
  /** An endpoint of a provider that the gateway does not know. */
  | "opaque";

/** One client request, as every sink (traffic log, JSONL, database, metrics, console) sees it. Written once, when it ended. */
export interface RequestRecord {
  /** Ours, `req_` + 24 characters; also the client's `x-request-id`. */
  id: string;
  /** Epoch milliseconds. */
  startedAt: number;
  operation: Operation;
  /** Protocol the client spoke, e.g. `openai-chat`. */
  protocol: string;
  /** `x-orch-task-kind` of the request, when sent. */
  task: string | undefined;
  /** Who called: a key's label, or `anonymous`. Never the key itself. */
  keyId: string;
  clientAddress: string | undefined;
  userAgent: string | undefined;
  /** The name in the client's request (empty when it was unreadable). */
  modelAsked: string;
  /** That name is no model of the gateway, and nothing went upstream: totals do not tell it from others. */
  isInvented?: true;
  /** The name that went upstream, or what the upstream says it served when it says so. */
  modelServed: string | undefined;
  /** Where it was sent last; `undefined` = it never went upstream. */
  provider: string | undefined;
  stream: boolean;
  /** HTTP status the client saw; 499 when it left first; for a stream that broke after the headers, the status it would have had. */
  status: number;
  endReason: EndReason;
  errorCode: string | undefined;
  errorMessage: string | undefined;
  /** Requests sent upstream. */
  attempts: number;
  /** Repeats on the same target and credential, out of `attempts`. */
  retries: number;
  /** Label of the credential that was used last, never the key. */
  credential: string | undefined;
  /** `same`, `translate`, or what a request without a conversation does. */
  lane: string | undefined;
  /**
   * Every decision on its way. `undefined` where there was none: nothing was asked, or one target once, of which the other
   * fields tell everything (`trailOf`).
   */
  trail: Trail | undefined;
  /** The trail as text, once the request has ended: records that wait outlive a garbage collection, and one text costs less then than twenty objects. */
  packedTrail?: string | undefined;
  usage: Usage;
  usageSource: UsageSource;
  /** US dollars, as the upstream reported them or else as computed; `undefined` = not known, never 0 for unknown. */
  costUsd: number | undefined;
  /** Who says so; `undefined` = nobody does, or the record is older than the field. A computed cost of estimated usage is an estimate. */
  costSource?: "upstream" | "computed" | undefined;
  /** What the target charges by for a prompt of this size, where it is known, also when the upstream reported the cost itself. */
  priceUsed?: PriceUsed | undefined;
  /** The upstream's own id for the answer, e.g. `gen-…`. */
  upstreamId: string | undefined;
  finishReason: string | undefined;
  latencyMs: number;
  /** Until the first content-bearing event left for the client; streams only. */
  ttftMs: number | undefined;
  /** Part of `latencyMs` not spent waiting for an upstream or the client. */
  overheadMs: number;
  /** Fields of the request that could not be carried to the upstream. */
  dropped: readonly string[];
  /** Last user message and the answer, already cut by the content policy; `undefined` when the policy is `none`. */
  userText: string | undefined;
  assistantText: string | undefined;
}

/** Not known only when neither is. */
function sum(first: number | undefined, second: number | undefined): number | undefined {
  if (first === undefined) return second;
  return second === undefined ? first : first + second;
}

/** All input tokens, cached ones too: what OpenAI calls `prompt_tokens`. */
export function promptTokens(usage: Usage): number | undefined {
  return sum(sum(usage.input, usage.cacheRead), usage.cacheWrite);
}

/** All output tokens, reasoning too: what OpenAI calls `completion_tokens`. */
export function completionTokens(usage: Usage): number | undefined {
  return sum(usage.output, usage.reasoning);
}

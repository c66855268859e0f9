import { parsePrice } from "../telemetry/pack-price.ts";
import type { EndReason, Operation, RequestRecord, UsageSource } from "../telemetry/request-record.ts";
import { parseTrail } from "../telemetry/trail-schema.ts";
import type { requestColumns } from "./request-columns.ts";
import { maybeNumberIn, maybeTextIn, numberIn, type SqlRow, textIn } from "./sql/steps.ts";

type Column = keyof typeof requestColumns;

function usageOf(row: SqlRow): RequestRecord["usage"] {
  const tokens = (column: Column): number | undefined => maybeNumberIn(row, column);
  return {
    input: tokens("tokens_input"),
    cacheRead: tokens("tokens_cache_read"),
    cacheWrite: tokens("tokens_cache_write"),
    output: tokens("tokens_output"),
    reasoning: tokens("tokens_reasoning"),
  };
}

/** The record that a row was written from, as far as the columns keep it. */
export function recordOf(row: SqlRow): RequestRecord {
  const text = (column: Column): string => textIn(row, column);
  const maybeText = (column: Column): string | undefined => maybeTextIn(row, column);
  const number = (column: Column): number => numberIn(row, column);
  const maybeNumber = (column: Column): number | undefined => maybeNumberIn(row, column);
  const trail = maybeText("trail");
  const price = maybeText("price");
  return {
    id: text("id"),
    startedAt: number("started_at"),
    operation: text("operation") as Operation,
    protocol: text("protocol"),
    task: maybeText("task"),
    keyId: text("key_id"),
    clientAddress: maybeText("client_address"),
    userAgent: maybeText("user_agent"),
    modelAsked: text("model_asked"),
    modelServed: maybeText("model_served"),
    provider: maybeText("provider"),
    stream: number("stream") !== 0,
    status: number("status"),
    endReason: text("end_reason") as EndReason,
    errorCode: maybeText("error_code"),
    errorMessage: maybeText("error_message"),
    attempts: number("attempts"),
    retries: number("retries"),
    credential: maybeText("credential"),
    lane: maybeText("lane"),
    trail: trail === undefined ? undefined : parseTrail(trail),
    usage: usageOf(row),
    usageSource: text("usage_source") as UsageSource,
    costUsd: maybeNumber("cost_usd"),
    costSource: maybeText("cost_source") as RequestRecord["costSource"],
    priceUsed: price === undefined ? undefined : parsePrice(price),
    upstreamId: maybeText("upstream_id"),
    finishReason: maybeText("finish_reason"),
    latencyMs: number("latency_ms"),
    ttftMs: maybeNumber("ttft_ms"),
    overheadMs: number("overhead_ms"),
    dropped: maybeText("dropped")?.split(", ") ?? [],
    userText: maybeText("user_text"),
    assistantText: maybeText("assistant_text"),
  };
}

import type { Database } from "bun:sqlite";
import type { EndReason, Operation, RequestRecord, UsageSource } from "../../telemetry/request-record.ts";
import { parseTrail } from "../../telemetry/trail-schema.ts";
import type { requestColumns } from "./columns.ts";

type Text = "id" | "operation" | "protocol" | "key_id" | "model_asked" | "end_reason" | "usage_source";
type Numbers = "started_at" | "stream" | "status" | "attempts" | "retries";
type MaybeNumber = `tokens_${string}` | `${string}_ms` | "cost_usd";

/** A row as SQLite gives it. */
type Row = {
  [Name in keyof typeof requestColumns]: Name extends Text
    ? string
    : Name extends Numbers
      ? number
      : (Name extends MaybeNumber ? number : string) | null;
};

function usageOf(row: Row): RequestRecord["usage"] {
  return {
    input: row.tokens_input ?? undefined,
    cacheRead: row.tokens_cache_read ?? undefined,
    cacheWrite: row.tokens_cache_write ?? undefined,
    output: row.tokens_output ?? undefined,
    reasoning: row.tokens_reasoning ?? undefined,
  };
}

/** The record that a row was written from, as far as the columns keep it. */
function recordOf(row: Row): RequestRecord {
  return {
    id: row.id,
    startedAt: row.started_at,
    operation: row.operation as Operation,
    protocol: row.protocol,
    task: row.task ?? undefined,
    keyId: row.key_id,
    clientAddress: row.client_address ?? undefined,
    userAgent: row.user_agent ?? undefined,
    modelAsked: row.model_asked,
    modelServed: row.model_served ?? undefined,
    provider: row.provider ?? undefined,
    stream: row.stream !== 0,
    status: row.status,
    endReason: row.end_reason as EndReason,
    errorCode: row.error_code ?? undefined,
    errorMessage: row.error_message ?? undefined,
    attempts: row.attempts,
    retries: row.retries,
    credential: row.credential ?? undefined,
    lane: row.lane ?? undefined,
    trail: row.trail === null ? undefined : parseTrail(row.trail),
    usage: usageOf(row),
    usageSource: row.usage_source as UsageSource,
    costUsd: row.cost_usd ?? undefined,
    upstreamId: row.upstream_id ?? undefined,
    finishReason: row.finish_reason ?? undefined,
    latencyMs: row.latency_ms ?? 0,
    ttftMs: row.ttft_ms ?? undefined,
    overheadMs: row.overhead_ms ?? 0,
    dropped: row.dropped === null ? [] : row.dropped.split(", "),
    userText: row.user_text ?? undefined,
    assistantText: row.assistant_text ?? undefined,
  };
}

const byIdSql = "SELECT * FROM requests WHERE id = ?";
/** Rows are written as requests end. */
const lastSql = "SELECT * FROM requests ORDER BY rowid DESC LIMIT 1";

export function readRequest(database: Database, id: string): RequestRecord | undefined {
  const row = database.query<Row, [string]>(byIdSql).get(id);
  return row === null ? undefined : recordOf(row);
}

/** The request that ended last. */
export function readLastRequest(database: Database): RequestRecord | undefined {
  const row = database.query<Row, []>(lastSql).get();
  return row === null ? undefined : recordOf(row);
}

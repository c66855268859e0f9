import { trailText } from "../../telemetry/pack-trail.ts";
import type { RequestRecord } from "../../telemetry/request-record.ts";

type Value = string | number | null;

/** An upstream may report nonsense; it must not make a whole batch fail. */
function whole(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? Math.round(value) : null;
}

function real(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Every column of `requests` and the value a record puts there. */
export const requestColumns = {
  id: (record) => record.id,
  started_at: (record) => Math.round(record.startedAt),
  operation: (record) => record.operation,
  protocol: (record) => record.protocol,
  task: (record) => record.task ?? null,
  key_id: (record) => record.keyId,
  client_address: (record) => record.clientAddress ?? null,
  user_agent: (record) => record.userAgent ?? null,
  model_asked: (record) => record.modelAsked,
  model_served: (record) => record.modelServed ?? null,
  provider: (record) => record.provider ?? null,
  stream: (record) => (record.stream ? 1 : 0),
  status: (record) => record.status,
  end_reason: (record) => record.endReason,
  error_code: (record) => record.errorCode ?? null,
  error_message: (record) => record.errorMessage ?? null,
  attempts: (record) => record.attempts,
  retries: (record) => record.retries,
  tokens_input: (record) => whole(record.usage.input),
  tokens_cache_read: (record) => whole(record.usage.cacheRead),
  tokens_cache_write: (record) => whole(record.usage.cacheWrite),
  tokens_output: (record) => whole(record.usage.output),
  tokens_reasoning: (record) => whole(record.usage.reasoning),
  usage_source: (record) => record.usageSource,
  cost_usd: (record) => real(record.costUsd),
  upstream_id: (record) => record.upstreamId ?? null,
  finish_reason: (record) => record.finishReason ?? null,
  latency_ms: (record) => real(record.latencyMs),
  ttft_ms: (record) => real(record.ttftMs),
  overhead_ms: (record) => real(record.overheadMs),
  dropped: (record) => (record.dropped.length === 0 ? null : record.dropped.join(", ").slice(0, 1000)),
  user_text: (record) => record.userText ?? null,
  assistant_text: (record) => record.assistantText ?? null,
  credential: (record) => record.credential ?? null,
  lane: (record) => record.lane ?? null,
  trail: ({ trail, packedTrail }) => packedTrail ?? (trail === undefined ? null : trailText(trail)),
} satisfies Readonly<Record<string, (record: RequestRecord) => Value>>;

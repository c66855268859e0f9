import { wholeTokens } from "../lib/whole-tokens.ts";
import { priceText } from "../telemetry/pack-price.ts";
import { trailText } from "../telemetry/pack-trail.ts";
import type { RequestRecord, Usage } from "../telemetry/request-record.ts";

type Text = string | null;
type Figure = number | null;

function name(of: (record: RequestRecord) => Text) {
  return { kind: "name", of } as const;
}

function text(of: (record: RequestRecord) => Text) {
  return { kind: "text", of } as const;
}

/** An upstream may report nonsense; it must not make a whole batch fail. */
function whole(of: (record: RequestRecord) => number | undefined) {
  return {
    kind: "whole",
    of: (record: RequestRecord): Figure => {
      const rounded = Math.round(of(record) ?? Number.NaN);
      return Number.isSafeInteger(rounded) ? rounded : null;
    },
  } as const;
}

/** Of a thousand records an engine must be able to hold the sum. */
function tokens(of: (usage: Usage) => number | undefined) {
  return whole(({ usage }) => wholeTokens(of(usage) ?? Number.NaN));
}

function real(of: (record: RequestRecord) => number | undefined) {
  return {
    kind: "real",
    of: (record: RequestRecord): Figure => {
      const value = of(record);
      return value !== undefined && Number.isFinite(value) ? value : null;
    },
  } as const;
}

function droppedText({ dropped }: RequestRecord): Text {
  return dropped.length === 0 ? null : dropped.join(", ").slice(0, 1000);
}

function packedTrailOf({ trail, packedTrail }: RequestRecord): Text {
  return packedTrail ?? (trail === undefined ? null : trailText(trail));
}

/** Every column of `requests`, what it holds, and the value a record puts there: the one list that all engines use. */
export const requestColumns = {
  id: name(({ id }) => id),
  started_at: whole(({ startedAt }) => startedAt),
  operation: name(({ operation }) => operation),
  protocol: name(({ protocol }) => protocol),
  task: name(({ task }) => task ?? null),
  key_id: name(({ keyId }) => keyId),
  client_address: name(({ clientAddress }) => clientAddress ?? null),
  user_agent: text(({ userAgent }) => userAgent ?? null),
  model_asked: name(({ modelAsked }) => modelAsked),
  model_served: name(({ modelServed }) => modelServed ?? null),
  provider: name(({ provider }) => provider ?? null),
  stream: whole(({ stream }) => (stream ? 1 : 0)),
  status: whole(({ status }) => status),
  end_reason: name(({ endReason }) => endReason),
  error_code: name(({ errorCode }) => errorCode ?? null),
  error_message: text(({ errorMessage }) => errorMessage ?? null),
  attempts: whole(({ attempts }) => attempts),
  retries: whole(({ retries }) => retries),
  tokens_input: tokens(({ input }) => input),
  tokens_cache_read: tokens(({ cacheRead }) => cacheRead),
  tokens_cache_write: tokens(({ cacheWrite }) => cacheWrite),
  tokens_output: tokens(({ output }) => output),
  tokens_reasoning: tokens(({ reasoning }) => reasoning),
  usage_source: name(({ usageSource }) => usageSource),
  cost_usd: real(({ costUsd }) => costUsd),
  upstream_id: name(({ upstreamId }) => upstreamId ?? null),
  finish_reason: name(({ finishReason }) => finishReason ?? null),
  latency_ms: real(({ latencyMs }) => latencyMs),
  ttft_ms: real(({ ttftMs }) => ttftMs),
  overhead_ms: real(({ overheadMs }) => overheadMs),
  dropped: text(droppedText),
  user_text: text(({ userText }) => userText ?? null),
  assistant_text: text(({ assistantText }) => assistantText ?? null),
  credential: name(({ credential }) => credential ?? null),
  lane: name(({ lane }) => lane ?? null),
  trail: text(packedTrailOf),
  cost_source: name(({ costSource }) => costSource ?? null),
  price: text(({ priceUsed }) => (priceUsed === undefined ? null : priceText(priceUsed))),
};

import { ownTrail } from "./pack-trail.ts";
import type { RequestRecord } from "./request-record.ts";
import type { Trail, TrailAttempt } from "./trail.ts";

/** The one attempt that the record's own fields tell of. */
function onlyAttempt(record: RequestRecord, provider: string): TrailAttempt {
  const { latencyMs, ttftMs, overheadMs, endReason } = record;
  const hasBegun = endReason === "completed" || ttftMs !== undefined;
  return {
    provider,
    model: record.modelServed ?? record.modelAsked,
    credential: record.credential ?? "",
    kind: "first",
    atMs: Math.round(overheadMs),
    ms: Math.max(0, Math.round((ttftMs ?? latencyMs) - overheadMs)),
    outcome: hasBegun ? "ok" : (record.errorCode ?? endReason),
    status: undefined,
    cause: hasBegun ? undefined : record.errorMessage,
  };
}

/** What the record's own fields tell was not written down again. */
function completed(trail: Trail, record: RequestRecord): Trail {
  const { provider, lane } = record;
  const isOnly = trail.attempts.length === 0 && record.attempts === 1 && provider !== undefined;
  const attempts = isOnly ? [onlyAttempt(record, provider)] : trail.attempts;
  return { ...trail, attempts, lane: trail.lane ?? lane };
}

/**
 * Why a request went where it went: as it was written down, else what the other fields tell of the plain case of one
 * target asked once. `undefined` when nothing was sent upstream, and for several attempts of which only the number is known.
 */
export function trailOf(record: RequestRecord): Trail | undefined {
  const { provider, lane } = record;
  const trail = ownTrail(record);
  if (trail !== undefined) return completed(trail, record);
  if (record.attempts !== 1 || provider === undefined) return undefined;
  return {
    routedBy: undefined,
    model: record.modelAsked,
    strategy: "",
    affinity: undefined,
    candidates: [],
    attempts: [onlyAttempt(record, provider)],
    waits: [],
    lane,
  };
}

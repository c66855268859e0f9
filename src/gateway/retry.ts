import type { GatewayError } from "../errors.ts";
import type { Scope } from "../limits/limiter.ts";
import { backoffMs } from "../routing/backoff.ts";
import type { Credential } from "../routing/credential.ts";
import { failureKindOf, type FailureKind } from "../routing/failure-kind.ts";
import type { AttemptEnd } from "../routing/health/health.ts";
import type { Target } from "../routing/target.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import type { Trying } from "./trying.ts";
import { isOfOneTarget } from "./target-refusal.ts";

/** Alarms ring up to a tick late, and never early. */
const ringToleranceMs = 50;
const noScopes: readonly Scope[] = [];

/** What limits a request upstream: the provider's and the credential's own, where they are set. */
export function scopesOf({ upstream }: Target, { scope }: Credential): readonly Scope[] {
  if (upstream.scope === undefined) return scope === undefined ? noScopes : [scope];
  return scope === undefined ? [upstream.scope] : [upstream.scope, scope];
}

export function kindOf(error: GatewayError): FailureKind {
  return isOfOneTarget(error) ? "unsuited" : failureKindOf(error);
}

/** The request's own time was over, which says little of whoever was asked at that moment. */
function isOwnDeadline(error: GatewayError): boolean {
  return error.details?.["deadline"] === "total";
}

/**
 * Whether a failure counts against its target. A request's own deadline does where the target had all of the time that is
 * set for it, and did not begin to answer.
 */
export function isHeldAgainst(error: GatewayError, { target, from }: { target: Target; from: number }): boolean {
  if (isOwnDeadline(error)) return performance.now() - from >= target.upstream.config.timeouts.total - ringToleranceMs;
  const kind = kindOf(error);
  return kind !== "stopped" && kind !== "request" && kind !== "unsuited";
}

/** What the end of a request says of the target that answered it: nothing, where it was not the target's. */
export function endOf({ endReason, status, operation }: RequestRecord, error: GatewayError | undefined): AttemptEnd {
  // What costs nothing says nothing of a credential without money.
  if (operation === "opaque" || operation === "count_tokens") return "neutral";
  if (error === undefined) return endReason === "completed" && status < 400 ? "ok" : "neutral";
  if (isOwnDeadline(error)) return "neutral";
  const kind = failureKindOf(error);
  return kind === "stopped" || kind === "request" || kind === "unsuited" ? "neutral" : error;
}

/** Failures that a second try on the same target seldom mends: where there is another one, it is turned to at once. */
const betterElsewhere: readonly string[] = ["upstream_unreachable", "upstream_overloaded", "upstream_timeout"];

interface Repeated {
  target: Target;
  /** Other targets or models are left to turn to. */
  hasMore: boolean;
  hasOtherCredential?: boolean | undefined;
  /** Repeats so far. */
  repeat: number;
}

/** Milliseconds until the same target and credential are asked again; `undefined` = they are not. Takes from the retry budget. */
export function waitBeforeRepeat(
  { facts, routing, cancellation }: Trying,
  error: GatewayError,
  { target, hasMore, hasOtherCredential = false, repeat }: Repeated,
): number | undefined {
  const retries = facts.steering?.retries ?? target.upstream.config.retries;
  if (!error.retryable || repeat >= retries || cancellation.reason() !== undefined) return undefined;
  const isLimit = error.code === "rate_limit_exceeded";
  if (hasMore && (isLimit || betterElsewhere.includes(error.code))) return undefined;
  if (hasOtherCredential && isLimit) return undefined;
  // What is known to be broken gets one try, not several.
  if (!isLimit && target.health.isBlocked()) return undefined;
  const askedMs = error.retryAfterSeconds === undefined ? 0 : error.retryAfterSeconds * 1000;
  if (askedMs > routing.longestWaitMs) return undefined;
  const waitMs = Math.max(askedMs, backoffMs(repeat));
  if (performance.now() + waitMs >= cancellation.deadline) return undefined;
  return target.health.takeRetry() ? waitMs : undefined;
}

import { GatewayError } from "../errors.ts";
import type { LimitRefusal, LimitSet, Scope } from "./limiter.ts";
import type { OverloadRefusal } from "./overload.ts";

function nameOf({ kind, id }: Scope): string {
  if (kind === "total") return "all requests together";
  // Which of the operator's credentials it was is nothing for clients.
  if (kind === "credential") return "a credential of the provider";
  if (kind === "key" && id === "anonymous") return "callers without a key";
  return `the ${kind} ${id}`;
}

/** What its owner has configured, whatever part of it this gateway may grant. */
function limitsOf({ limits, whole }: Scope): LimitSet {
  return whole ?? limits;
}

function partText({ whole }: Scope): string {
  return whole === undefined ? "" : " here: this gateway grants its part alone while it cannot count with the others";
}

function placesText(scope: Scope): string {
  const { concurrency } = limitsOf(scope);
  if (concurrency === undefined) return "The places";
  return concurrency === 1 ? "The only place" : `All ${concurrency} places`;
}

function queueText({ scope, waitedMs }: LimitRefusal): string {
  const taken = `${placesText(scope)} for ${nameOf(scope)} ${limitsOf(scope).concurrency === 1 ? "is" : "are"} taken`;
  if (waitedMs === undefined) return `${taken} and the queue has no room`;
  return `${taken} and none came free in the ${secondsOf(waitedMs)} s this request waited`;
}

const texts = {
  rpm: ({ scope }) =>
    `The limit of ${countText(limitsOf(scope).rpm, "request")} a minute for ${nameOf(scope)} is used up`,
  tpm: ({ scope }) =>
    `The limit of ${countText(limitsOf(scope).tpm, "token")} a minute for ${nameOf(scope)} has no room left for this request`,
  concurrency: ({ scope }) =>
    `The limit of ${countText(limitsOf(scope).concurrency, "request")} at the same time for ${nameOf(scope)} is reached`,
  queue: queueText,
} satisfies Record<LimitRefusal["by"], (refusal: LimitRefusal) => string>;

function countText(count: number | undefined, what: string): string {
  return `${count ?? 0} ${what}${count === 1 ? "" : "s"}`;
}

/** Whole seconds, so that a message and a `Retry-After` say the same. */
function secondsOf(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}

/** 429 that names the limit and the wait. */
export function refusalError(refusal: LimitRefusal): GatewayError {
  const retryAfterSeconds = secondsOf(refusal.retryAfterMs);
  const message = `${texts[refusal.by](refusal)}${partText(refusal.scope)}; try again in ${retryAfterSeconds} s.`;
  return new GatewayError({ code: "rate_limit_exceeded", status: 429, message, retryAfterSeconds });
}

/** 503 for what the process itself cannot take. */
export function overloadError({ reason, retryAfterMs }: OverloadRefusal): GatewayError {
  const retryAfterSeconds = secondsOf(retryAfterMs);
  const what =
    reason === "requests"
      ? "This gateway has as many requests at work as it may"
      : "This gateway has more to do than it can keep up with";
  const message = `${what}; try again in ${retryAfterSeconds} s.`;
  return new GatewayError({ code: "overloaded", status: 503, message, retryAfterSeconds });
}

/** 503 for limits that are counted by several gateways together, and cannot be at the moment. */
export function uncountedError(): GatewayError {
  const message = "This gateway cannot count requests against their limits at the moment; try again in 1 s.";
  return new GatewayError({ code: "overloaded", status: 503, message, retryAfterSeconds: 1 });
}

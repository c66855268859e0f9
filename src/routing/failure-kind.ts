import type { GatewayError } from "../errors.ts";

/**
 * Who is at fault, which decides what is tried next and whose health it counts against:
 * - `request`: every target would refuse it. Final.
 * - `content`, `context`: this model refuses the content, or the prompt is too long for it. Final, but for fallbacks made for it.
 * - `unsuited`: this target cannot be given the request, does not know the model, or had nothing to say. The next target;
 *   nobody's health.
 * - `credential`: refused or without money. The next credential; it is disabled, or left alone for the model.
 * - `limited`: asked too often. The next credential; it cools.
 * - `target`: its network, server or answer failed. Perhaps again, then the next target; counts against it.
 * - `setup`: certificate, redirect, web page: never again on this target; counts against it.
 * - `stopped`: the client left, the time is over, the process ends. Final; nobody's health.
 */
export type FailureKind =
  | "request"
  | "content"
  | "context"
  | "unsuited"
  | "credential"
  | "limited"
  | "target"
  | "setup"
  | "stopped";

const kinds: Partial<Record<GatewayError["code"], FailureKind>> = {
  content_policy_violation: "content",
  context_length_exceeded: "context",
  model_not_found: "unsuited",
  upstream_rejected_credential: "credential",
  insufficient_quota: "credential",
  rate_limit_exceeded: "limited",
  upstream_error: "target",
  upstream_unreachable: "target",
  upstream_overloaded: "target",
  upstream_timeout: "target",
  upstream_empty_answer: "unsuited",
  client_cancelled: "stopped",
  draining: "stopped",
  // The gateway's own fault.
  internal_error: "stopped",
};

/** Judges a failed attempt by its error alone. */
export function failureKindOf(error: GatewayError): FailureKind {
  if (error.code === "upstream_invalid_response") return error.retryable ? "target" : "setup";
  return kinds[error.code] ?? (error.status >= 500 ? "target" : "request");
}

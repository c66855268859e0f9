import { GatewayError } from "../errors.ts";
import { backoffMs } from "../routing/backoff.ts";
import { pause } from "./cancellation.ts";
import type { Candidate, Exchange } from "./exchange.ts";

import { isOfOneTarget } from "./target-refusal.ts";

/** What going through targets needs of a request. */
export type Trying = Pick<Exchange, "route" | "recording" | "cancellation" | "onAttempt">;

/** A longer wait than this is the client's to make: it gets the 429 and its Retry-After. */
const longestWaitMs = 5000;
const refusedCredentialMs = 5 * 60 * 1000;
const limitedCredentialMs = 30 * 1000;

/** Failures that another credential may not have. */
function coolingMs(error: GatewayError): number | undefined {
  if (error.code === "upstream_rejected_credential" || error.code === "insufficient_quota") return refusedCredentialMs;
  if (error.code === "rate_limit_exceeded") return (error.retryAfterSeconds ?? limitedCredentialMs / 1000) * 1000;
  return undefined;
}

/** The request itself is at fault: no other target would take it. An unknown model is the target's, not the request's. */
function isFinal(error: GatewayError): boolean {
  if (error.code === "model_not_found" || isOfOneTarget(error)) return false;
  return error.status < 500 && coolingMs(error) === undefined;
}

/** One try. Rejects with GatewayError and leaves nothing open then. */
type Attempt<T> = (candidate: Candidate) => Promise<T>;

/** Repeats on one target with one credential. */
async function tryCandidate<T>(trying: Trying, candidate: Candidate, attempt: Attempt<T>): Promise<T> {
  const { cancellation, recording, onAttempt } = trying;
  for (let repeat = 0; ; repeat += 1) {
    const { attempts } = recording.record;
    try {
      const opened = await attempt(candidate);
      onAttempt(candidate.target, "ok");
      return opened;
    } catch (thrown) {
      const error = cancellation.reason() ?? asGatewayError(thrown);
      // A request that this target could not be given at all was none.
      if (recording.record.attempts > attempts) onAttempt(candidate.target, error);
      const waitMs = waitBeforeRepeat(error, repeat, candidate);
      if (waitMs === undefined || cancellation.reason() !== undefined) throw error;
      await pause(waitMs, cancellation);
      const stopped = cancellation.reason();
      if (stopped !== undefined) throw stopped;
      recording.record.retries += 1;
    }
  }
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  throw error;
}

/** `undefined` = do not repeat here. A limited credential is repeated only when there is nothing else to turn to. */
function waitBeforeRepeat(error: GatewayError, repeat: number, { target, isLast }: Candidate): number | undefined {
  const { retries } = target.upstream.config;
  if (!error.retryable || repeat >= retries) return undefined;
  if (error.code === "rate_limit_exceeded" && !isLast) return undefined;
  const askedMs = error.retryAfterSeconds === undefined ? 0 : error.retryAfterSeconds * 1000;
  if (askedMs > longestWaitMs) return undefined;
  return Math.max(askedMs, backoffMs(repeat));
}

/** When all are limited, the shortest wait is the one worth telling; else the newest failure is. */
function moreTelling(before: GatewayError | undefined, error: GatewayError): GatewayError {
  if (before === undefined || error.code !== "rate_limit_exceeded") return error;
  if (before.code !== "rate_limit_exceeded") return before;
  return (before.retryAfterSeconds ?? Infinity) <= (error.retryAfterSeconds ?? Infinity) ? before : error;
}

/** Goes through targets and their credentials until one answers. Rejects with the GatewayError to tell the client. */
export async function openWithFailover<T>(exchange: Trying, attempt: Attempt<T>): Promise<T> {
  let failure: GatewayError | undefined;
  const { targets } = exchange.route;
  for (const target of targets) {
    const credentials = target.upstream.credentials.inTurn();
    for (const credential of credentials) {
      const isLast = target === targets.at(-1) && credential === credentials.at(-1);
      try {
        return await tryCandidate(exchange, { target, credential, isLast }, attempt);
      } catch (thrown) {
        const error = asGatewayError(thrown);
        if (exchange.cancellation.reason() !== undefined || isFinal(error)) throw error;
        failure = moreTelling(failure, error);
        const cooling = coolingMs(error);
        // Not the credential's fault: another one would meet the same upstream.
        if (cooling === undefined) break;
        target.upstream.credentials.cool(credential, cooling);
      }
    }
  }
  throw failure ?? new GatewayError({ code: "internal_error", status: 500, message: "The model has no target." });
}

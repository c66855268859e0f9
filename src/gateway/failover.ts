import { GatewayError } from "../errors.ts";
import { backoffMs } from "../routing/backoff.ts";
import type { Route, Target } from "../routing/model-table.ts";
import { attempt, type AttemptOptions, type Opened } from "./attempt.ts";
import { pause, type Cancellation } from "./cancellation.ts";
import type { Recording } from "./recording.ts";

export interface FailoverOptions extends Omit<AttemptOptions, "target" | "credential" | "controller"> {
  route: Route;
  cancellation: Cancellation;
  recording: Recording;
  onAttempt: (target: Target, outcome: "ok" | GatewayError) => void;
}

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

/** The request itself is at fault: no other target would take it. */
function isFinal(error: GatewayError): boolean {
  return error.status < 500 && coolingMs(error) === undefined;
}

/** Repeats on one target with one credential. */
async function tryTarget(
  target: Target,
  credential: string | undefined,
  options: FailoverOptions & { isLast: boolean },
): Promise<Opened> {
  const { cancellation, recording, onAttempt } = options;
  for (let repeat = 0; ; repeat += 1) {
    recording.record.attempts += 1;
    try {
      const opened = await attempt({ ...options, target, credential, controller: cancellation.begin() });
      onAttempt(target, "ok");
      return opened;
    } catch (thrown) {
      const error = cancellation.reason() ?? asGatewayError(thrown);
      onAttempt(target, error);
      const waitMs = waitBeforeRepeat(error, repeat, {
        retries: target.upstream.config.retries,
        isLast: options.isLast,
      });
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
function waitBeforeRepeat(
  error: GatewayError,
  repeat: number,
  { retries, isLast }: { retries: number; isLast: boolean },
): number | undefined {
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
export async function openWithFailover(options: FailoverOptions): Promise<Opened> {
  let failure: GatewayError | undefined;
  const { targets } = options.route;
  for (const [targetIndex, target] of targets.entries()) {
    const credentials = target.upstream.credentials.inTurn();
    for (const [index, credential] of credentials.entries()) {
      const isLast = targetIndex === targets.length - 1 && index === credentials.length - 1;
      try {
        return await tryTarget(target, credential, { ...options, isLast });
      } catch (thrown) {
        const error = asGatewayError(thrown);
        if (options.cancellation.reason() !== undefined || isFinal(error)) throw error;
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

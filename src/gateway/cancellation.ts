import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { createStopSignal, type StopSignal } from "../lib/stop-signal.ts";

/** One request's reasons to stop: the client left, the total time is over, the process drains. */
export interface Cancellation {
  /** A signal for one try upstream (or one wait); it stops when the request does. */
  begin(): StopSignal;
  /** Stops the request for good; the first reason stays. */
  cancel(reason: GatewayError): void;
  /** Why it was stopped; `undefined` while it was not. */
  reason(): GatewayError | undefined;
  /** Calls `listener` once, when the request is stopped. */
  onStop(listener: (reason: GatewayError) => void): void;
  /** Releases alarm and listener. */
  end(): void;
}

export function clientLeft(): GatewayError {
  return new GatewayError({ code: "client_cancelled", status: 499, message: "The client closed the connection." });
}

export function createCancellation(clientSignal: AbortSignal, totalMs: number): Cancellation {
  let reason: GatewayError | undefined;
  let current: StopSignal | undefined;
  let stopped: ((reason: GatewayError) => void) | undefined;

  function cancel(error: GatewayError): void {
    if (reason !== undefined) return;
    reason = error;
    current?.stop(reason);
    stopped?.(reason);
  }

  const onClientLeft = (): void => cancel(clientLeft());
  const callOff = alarms.set(totalMs, () => {
    cancel(
      new GatewayError({
        code: "upstream_timeout",
        status: 504,
        message: `No whole answer within ${totalMs} ms (timeouts.total).`,
      }),
    );
  });
  clientSignal.addEventListener("abort", onClientLeft, { once: true });
  if (clientSignal.aborted) onClientLeft();

  return {
    cancel,
    reason: () => reason,
    onStop: (listener) => (stopped = listener),
    begin() {
      current = createStopSignal();
      if (reason !== undefined) current.stop(reason);
      return current;
    },
    end() {
      callOff();
      clientSignal.removeEventListener("abort", onClientLeft);
      current = undefined;
      stopped = undefined;
    },
  };
}

/** Waits, unless the request is stopped first. */
export function pause(milliseconds: number, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    cancellation.begin().onStop(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

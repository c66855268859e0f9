import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";

/** One request's reasons to stop: the client left, the total time is over, the process drains. */
export interface Cancellation {
  /** A controller for one try upstream (or one wait); it is aborted when the request is. */
  begin(): AbortController;
  /** Stops the request for good; the first reason stays. */
  cancel(reason: GatewayError): void;
  /** Why it was stopped; `undefined` while it was not. */
  reason(): GatewayError | undefined;
  /** Releases timer and listener. */
  end(): void;
}

export function clientLeft(): GatewayError {
  return new GatewayError({ code: "client_cancelled", status: 499, message: "The client closed the connection." });
}

export function createCancellation(clientSignal: AbortSignal, totalMs: number): Cancellation {
  let reason: GatewayError | undefined;
  let current: AbortController | undefined;

  function cancel(error: GatewayError): void {
    reason ??= error;
    current?.abort(reason);
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
    begin() {
      current = new AbortController();
      if (reason !== undefined) current.abort(reason);
      return current;
    },
    end() {
      callOff();
      clientSignal.removeEventListener("abort", onClientLeft);
      current = undefined;
    },
  };
}

/** Waits, unless the request is stopped first. */
export function pause(milliseconds: number, cancellation: Cancellation): Promise<void> {
  const { signal } = cancellation.begin();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener("abort", finish, { once: true });
    if (signal.aborted) finish();
  });
}

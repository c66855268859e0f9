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

function tooLong(totalMs: number): GatewayError {
  const message = `No whole answer within ${totalMs} ms (timeouts.total).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message });
}

class RequestCancellation implements Cancellation {
  private readonly clientSignal: AbortSignal;
  private readonly callOff: () => void;
  private why: GatewayError | undefined;
  private current: StopSignal | undefined;
  private stopped: ((reason: GatewayError) => void) | undefined;

  constructor(clientSignal: AbortSignal, totalMs: number) {
    this.clientSignal = clientSignal;
    this.callOff = alarms.set(totalMs, () => this.cancel(tooLong(totalMs)));
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the signal is this request's alone, and a listener costs twice as much
    clientSignal.onabort = () => this.cancel(clientLeft());
    if (clientSignal.aborted) this.cancel(clientLeft());
  }

  begin(): StopSignal {
    this.current = createStopSignal();
    if (this.why !== undefined) this.current.stop(this.why);
    return this.current;
  }

  cancel(reason: GatewayError): void {
    if (this.why !== undefined) return;
    this.why = reason;
    this.current?.stop(reason);
    this.stopped?.(reason);
  }

  reason(): GatewayError | undefined {
    return this.why;
  }

  onStop(listener: (reason: GatewayError) => void): void {
    this.stopped = listener;
  }

  end(): void {
    this.callOff();
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
    this.clientSignal.onabort = null;
    this.current = undefined;
    this.stopped = undefined;
  }
}

export function createCancellation(clientSignal: AbortSignal, totalMs: number): Cancellation {
  return new RequestCancellation(clientSignal, totalMs);
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

import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { createStopSignal, type StopSignal } from "../lib/stop-signal.ts";

/** What one way through the targets needs to know: whether to go on, and how its tries upstream are stopped. */
export interface Leg {
  /** A signal for one try upstream (or one wait); it stops when the leg does. */
  begin(): StopSignal;
  /** Why it was stopped; `undefined` while it was not. */
  reason(): GatewayError | undefined;
}

/** One request's reasons to stop: the client left, the total time is over, the process drains. */
export interface Cancellation extends Leg {
  /** `performance.now()` at which the total time is over. */
  readonly deadline: number;
  /** Stops the request for good; the first reason stays. */
  cancel(reason: GatewayError): void;
  /** Calls `listener` once, when the request is stopped. */
  onStop(listener: (reason: GatewayError) => void): void;
  /** A way of its own through the targets, which can be stopped without the request. */
  fork(): ForkedLeg;
  /** Releases alarm and listener. */
  end(): void;
}

export interface ForkedLeg extends Leg {
  stop(reason: GatewayError): void;
}

export function clientLeft(): GatewayError {
  return new GatewayError({ code: "client_cancelled", status: 499, message: "The client closed the connection." });
}

function tooLong(totalMs: number): GatewayError {
  const message = `No whole answer within ${totalMs} ms (timeouts.total).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message, details: { deadline: "total" } });
}

class RequestFork implements ForkedLeg {
  private readonly parent: Leg;
  private current: StopSignal | undefined;
  private why: GatewayError | undefined;

  constructor(parent: Leg) {
    this.parent = parent;
  }

  begin(): StopSignal {
    this.current = createStopSignal();
    const reason = this.reason();
    if (reason !== undefined) this.current.stop(reason);
    return this.current;
  }

  reason(): GatewayError | undefined {
    return this.why ?? this.parent.reason();
  }

  stop(reason: GatewayError): void {
    this.why ??= reason;
    this.current?.stop(reason);
  }
}

class RequestCancellation implements Cancellation {
  readonly deadline: number;
  private readonly clientSignal: AbortSignal;
  private readonly callOff: () => void;
  private why: GatewayError | undefined;
  private current: StopSignal | undefined;
  private forks: ForkedLeg[] | undefined;
  private stopped: ((reason: GatewayError) => void) | undefined;

  constructor(clientSignal: AbortSignal, totalMs: number) {
    this.clientSignal = clientSignal;
    this.deadline = performance.now() + totalMs;
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
    for (const fork of this.forks ?? []) fork.stop(reason);
    this.stopped?.(reason);
  }

  reason(): GatewayError | undefined {
    return this.why;
  }

  onStop(listener: (reason: GatewayError) => void): void {
    this.stopped = listener;
  }

  fork(): ForkedLeg {
    const fork = new RequestFork(this);
    (this.forks ??= []).push(fork);
    return fork;
  }

  end(): void {
    this.callOff();
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
    this.clientSignal.onabort = null;
    this.current = undefined;
    this.forks = undefined;
    this.stopped = undefined;
  }
}

export function createCancellation(clientSignal: AbortSignal, totalMs: number): Cancellation {
  return new RequestCancellation(clientSignal, totalMs);
}

/** Waits, unless the leg is stopped first. */
export function pause(milliseconds: number, leg: Leg): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    leg.begin().onStop(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** An AbortSignal without the events: what stops a request is told to at most a few listeners, once. */
export interface StopSignal {
  /** Why it was stopped; `undefined` while it was not. */
  reason(): Error | undefined;
  /** The first reason stays; later calls do nothing. */
  stop(reason: Error): void;
  /** Calls `listener` when it is stopped, or now when it has been. */
  onStop(listener: (reason: Error) => void): void;
}

class OneStop implements StopSignal {
  private why: Error | undefined;
  private listeners: ((reason: Error) => void)[] | undefined;

  reason(): Error | undefined {
    return this.why;
  }

  stop(reason: Error): void {
    if (this.why !== undefined) return;
    this.why = reason;
    for (const listener of this.listeners ?? []) listener(reason);
    this.listeners = undefined;
  }

  onStop(listener: (reason: Error) => void): void {
    if (this.why !== undefined) listener(this.why);
    else if (this.listeners === undefined) this.listeners = [listener];
    else this.listeners.push(listener);
  }
}

export function createStopSignal(): StopSignal {
  return new OneStop();
}

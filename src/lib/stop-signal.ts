/** An AbortSignal without the events: what stops a request is told to at most a few listeners, once. */
export interface StopSignal {
  /** Why it was stopped; `undefined` while it was not. */
  reason(): Error | undefined;
  /** The first reason stays; later calls do nothing. */
  stop(reason: Error): void;
  /** Calls `listener` when it is stopped, or now when it has been. */
  onStop(listener: (reason: Error) => void): void;
}

export function createStopSignal(): StopSignal {
  let reason: Error | undefined;
  let listeners: ((reason: Error) => void)[] | undefined;

  return {
    reason: () => reason,
    stop(error) {
      if (reason !== undefined) return;
      reason = error;
      for (const listener of listeners ?? []) listener(error);
      listeners = undefined;
    },
    onStop(listener) {
      if (reason !== undefined) listener(reason);
      else if (listeners === undefined) listeners = [listener];
      else listeners.push(listener);
    },
  };
}

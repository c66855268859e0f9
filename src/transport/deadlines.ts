import { alarms } from "../lib/alarms.ts";

export interface DeadlineOptions {
  /** Longest silence of the upstream; `undefined` = no limit yet. */
  silenceMs: number | undefined;
  onSilence: () => void;
  /** Longest silence towards the client. */
  heartbeatMs: number;
  onHeartbeat: () => void;
}

export interface Deadlines {
  /** The upstream said something, now or at a `performance.now()` that is known already. */
  heard(at?: number): void;
  /** The client was told something. */
  told(at?: number): void;
  /** A new limit for the upstream's silence, counted from now. */
  limitSilence(milliseconds: number): void;
  stop(): void;
}

/** The silences of a stream. Events only note the time; the alarm, when it rings, is set again for what is left. */
export function createDeadlines(options: DeadlineOptions): Deadlines {
  let silenceMs = options.silenceMs;
  let heardAt = performance.now();
  let toldAt = heardAt;
  let callOff: (() => void) | undefined;

  function arm(now: number): void {
    const untilHeartbeat = toldAt + options.heartbeatMs - now;
    const untilSilence = silenceMs === undefined ? Number.POSITIVE_INFINITY : heardAt + silenceMs - now;
    callOff = alarms.set(Math.min(untilHeartbeat, untilSilence), check);
  }

  function check(): void {
    const now = performance.now();
    if (silenceMs !== undefined && now - heardAt >= silenceMs) {
      options.onSilence();
      return;
    }
    if (now - toldAt >= options.heartbeatMs) {
      toldAt = now;
      options.onHeartbeat();
    }
    arm(now);
  }

  arm(heardAt);
  return {
    heard: (at = performance.now()) => void (heardAt = at),
    told: (at = performance.now()) => void (toldAt = at),
    limitSilence(milliseconds) {
      silenceMs = milliseconds;
      heardAt = performance.now();
      callOff?.();
      arm(heardAt);
    },
    stop: () => callOff?.(),
  };
}

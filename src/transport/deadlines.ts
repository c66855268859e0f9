export interface DeadlineOptions {
  /** Longest silence of the upstream; `undefined` = no limit yet. */
  silenceMs: number | undefined;
  onSilence: () => void;
  /** Longest silence towards the client. */
  heartbeatMs: number;
  onHeartbeat: () => void;
}

export interface Deadlines {
  /** The upstream said something. */
  heard(): void;
  /** The client was told something. */
  told(): void;
  /** A new limit for the upstream's silence, counted from now. */
  limitSilence(milliseconds: number): void;
  stop(): void;
}

/** One timer for a stream's silences. Events only note the time; the timer re-arms itself for what is left. */
export function createDeadlines(options: DeadlineOptions): Deadlines {
  let silenceMs = options.silenceMs;
  let heardAt = performance.now();
  let toldAt = heardAt;
  let timer: Timer | undefined;

  function arm(): void {
    const now = performance.now();
    const untilHeartbeat = toldAt + options.heartbeatMs - now;
    const untilSilence = silenceMs === undefined ? Number.POSITIVE_INFINITY : heardAt + silenceMs - now;
    clearTimeout(timer);
    timer = setTimeout(check, Math.max(1, Math.min(untilHeartbeat, untilSilence)));
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
    arm();
  }

  arm();
  return {
    heard: () => (heardAt = performance.now()),
    told: () => (toldAt = performance.now()),
    limitSilence(milliseconds) {
      silenceMs = milliseconds;
      heardAt = performance.now();
      arm();
    },
    stop: () => clearTimeout(timer),
  };
}

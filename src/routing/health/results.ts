import type { GatewayError } from "../../errors.ts";
import type { HealthView } from "./health.ts";
import { PeakLatency } from "./peak-latency.ts";
import { RollingCount } from "./rolling-count.ts";

/** Of a minute, as windows usually are, five seconds each. */
const buckets = 12;
const longestMessage = 300;

type Kept = Pick<HealthView, "requests" | "errors" | "errorsInRow" | "lastError" | "lastSuccessAt" | "latencyMs">;

/** The status that the upstream itself answered with; `undefined` = it did not answer. */
export function upstreamStatusOf(error: GatewayError): number | undefined {
  const status = error.details?.["upstreamStatus"];
  return typeof status === "number" ? status : undefined;
}

/** How requests to one place ended lately. */
export class Results {
  /** Since the newest success. */
  errorsInRow = 0;
  lastError: HealthView["lastError"];
  lastSuccessAt: number | undefined;
  private readonly all: RollingCount;
  private readonly failed: RollingCount;
  private readonly stream = new PeakLatency();
  private readonly whole = new PeakLatency();

  constructor(windowMs: number) {
    this.all = new RollingCount(buckets, windowMs);
    this.failed = new RollingCount(buckets, windowMs);
  }

  succeeded(now: number, windowMs: number): void {
    this.count(now, windowMs);
    this.errorsInRow = 0;
    this.lastSuccessAt = now;
  }

  errored(error: GatewayError, now: number, windowMs: number): void {
    this.count(now, windowMs);
    this.failed.add(now);
    this.errorsInRow += 1;
    this.note(error, now);
  }

  /** Remembers an error that does not count. */
  note(error: GatewayError, now: number): void {
    const message = error.message.slice(0, longestMessage);
    this.lastError = { at: now, code: error.code, status: upstreamStatusOf(error), message };
  }

  opened(milliseconds: number, kind: "stream" | "whole", now: number): void {
    this[kind].observe(milliseconds, now);
  }

  latencyMs(kind: "stream" | "whole", now: number): number | undefined {
    return this[kind].read(now) ?? this[kind === "stream" ? "whole" : "stream"].read(now);
  }

  /** From 0 to 1; 0 where there are too few to speak of a share. */
  errorShare(now: number, minRequests: number): number {
    const all = this.all.sum(now);
    return all < minRequests || all === 0 ? 0 : this.failed.sum(now) / all;
  }

  /** What a share was counted of. */
  requests(now: number): number {
    return this.all.sum(now);
  }

  /** Begins anew; the last error, the last success and the latencies are still true. */
  clear(): void {
    this.all.clear();
    this.failed.clear();
    this.errorsInRow = 0;
  }

  view(now: number): Kept {
    return {
      requests: this.all.sum(now),
      errors: this.failed.sum(now),
      errorsInRow: this.errorsInRow,
      lastError: this.lastError,
      lastSuccessAt: this.lastSuccessAt,
      latencyMs: { stream: this.stream.read(now), whole: this.whole.read(now) },
    };
  }

  private count(now: number, windowMs: number): void {
    this.all.setSpan(windowMs);
    this.failed.setSpan(windowMs);
    this.all.add(now);
  }
}

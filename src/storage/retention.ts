import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../lib/error-text.ts";
import type { RequestStore } from "./store.ts";

export interface RetentionOptions {
  requests: Pick<RequestStore, "deleteBefore" | "boundaryOf">;
  /** Milliseconds; 0 = requests may be of any age. */
  maxAge: number;
  /** 0 = there may be any number. */
  maxBytes: number;
  onWarning: (message: string) => void;
  now?: () => number;
  /** Between two looks; default 10 minutes. */
  intervalMs?: number;
  /** Between two deletions of some hundreds, so that everybody else gets his turn; default 50 ms. */
  pauseMs?: number;
}

/** Deletes requests that are too old or too many, a few hundred at a time. */
export interface Retention {
  /** Later calls do nothing. */
  start(): void;
  /** One look, to its end; how many requests were deleted. Rejects when the store cannot be used. */
  run(): Promise<number>;
  stop(): void;
}

const firstMs = 15_000;

export function createRetention(options: RetentionOptions): Retention {
  const { requests, maxAge, maxBytes, onWarning, now = Date.now } = options;
  const { intervalMs = 10 * 60 * 1000, pauseMs = 50 } = options;
  const life = { isStopped: false };
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** The instant before which requests go; `undefined` = all may stay. */
  async function boundary(): Promise<number | undefined> {
    const ofAge = maxAge === 0 ? undefined : now() - maxAge;
    const ofSize = maxBytes === 0 ? undefined : await requests.boundaryOf(maxBytes);
    if (ofAge === undefined || ofSize === undefined) return ofAge ?? ofSize;
    return Math.max(ofAge, ofSize);
  }

  async function run(): Promise<number> {
    const before = await boundary();
    if (before === undefined) return 0;
    let total = 0;
    while (!life.isStopped) {
      const deleted = await requests.deleteBefore(before);
      total += deleted;
      if (deleted === 0) break;
      await sleep(pauseMs, undefined, { ref: false });
    }
    return total;
  }

  async function look(): Promise<void> {
    try {
      await run();
    } catch (error) {
      onWarning(`Old requests cannot be deleted: ${errorText(error)} It is tried again.`);
    }
    if (!life.isStopped) wait(intervalMs);
  }

  function wait(milliseconds: number): void {
    timer = setTimeout(() => void look(), milliseconds);
    timer.unref();
  }

  return {
    start() {
      if (timer !== undefined || (maxAge === 0 && maxBytes === 0)) return;
      // Not in the busy first moments.
      wait(Math.min(firstMs, intervalMs));
    },
    run,
    stop() {
      life.isStopped = true;
      clearTimeout(timer);
    },
  };
}

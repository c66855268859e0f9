import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../lib/error-text.ts";
import { DatabaseRefused, ServerFailure } from "./failure.ts";

export interface ReadinessOptions {
  /** Connects and brings the schema up to date. */
  prepare: () => Promise<unknown>;
  address: string;
  onWarning: (message: string) => void;
}

/** Knows whether the server can be used, and looks again after every failure that may mean that it is another one now. */
export interface Readiness {
  /** Runs `work` on a database that was in order at the last look. */
  use<Answer>(work: () => Promise<Answer>): Promise<Answer>;
  /** See `Store.ready`. */
  within(waitMs: number): Promise<boolean>;
  /** See `Store.isUp`. */
  isUp(): boolean;
}

const retryMs = 250;

export function createReadiness({ prepare, address, onWarning }: ReadinessOptions): Readiness {
  let preparing: Promise<unknown> | undefined;
  let isDown = false;
  let isRefused = false;
  let isStarting = true;

  function noteDown(error: unknown): void {
    const wasRefused = isRefused;
    isRefused = error instanceof DatabaseRefused;
    const isNews = !isDown || (isRefused && !wasRefused);
    isDown = true;
    // A start that is refused fails, and says why itself.
    if (isNews && !(isRefused && isStarting))
      onWarning(`${errorText(error)} Traffic goes on; requests wait in memory to be written down.`);
  }

  function noteUp(): void {
    if (isDown) onWarning(`The database ${address} can be used again.`);
    isDown = isRefused = isStarting = false;
  }

  async function prepared(): Promise<void> {
    preparing ??= prepare();
    try {
      await preparing;
    } catch (error) {
      preparing = undefined;
      noteDown(error);
      throw error;
    }
    noteUp();
  }

  async function isPrepared(): Promise<boolean> {
    try {
      await prepared();
      return true;
    } catch (error) {
      if (error instanceof DatabaseRefused) throw error;
      return false;
    }
  }

  return {
    async use(work) {
      await prepared();
      try {
        return await work();
      } catch (error) {
        if (error instanceof ServerFailure && error.retryable) preparing = undefined;
        throw error;
      }
    },
    async within(waitMs) {
      const giveUpAt = performance.now() + waitMs;
      for (;;) {
        const left = giveUpAt - performance.now();
        if (await Promise.race([isPrepared(), sleep(Math.max(left, 1), false, { ref: false })])) return true;
        if (giveUpAt - performance.now() <= retryMs) break;
        await sleep(retryMs);
      }
      isStarting = false;
      return false;
    },
    isUp: () => !isDown,
  };
}

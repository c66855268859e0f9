import type { Coordinator, CoordinatorState } from "../../src/coordination/coordinator.ts";
import { createMemoryCoordination } from "../../src/coordination/memory/memory-coordination.ts";
import { GatewayError } from "../../src/errors.ts";
import { createSharedLimiter, type SharedLimiterOptions } from "../../src/limits/shared-limiter.ts";
import { createClock } from "./limiter-world.ts";

function away(): Promise<never> {
  return Promise.reject(new GatewayError({ code: "overloaded", status: 503, message: "It is away.", retryable: true }));
}

/** A coordinator that can be out of reach: what is asked then fails, or is carried out without an answer. */
export function mayGo(real: Coordinator) {
  const listeners = new Set<(state: CoordinatorState) => void>();
  let state: CoordinatorState = { isUp: true, problem: undefined };
  let loses = false;
  let delayed: (() => Promise<unknown>) | undefined;
  let delays = false;

  function become(isUp: boolean): void {
    state = { isUp, problem: isUp ? undefined : "It is away." };
    for (const listener of listeners) listener(state);
  }

  const coordinator: Coordinator = {
    ...real,
    async decide(name, input) {
      if (!state.isUp) return away();
      if (delays) {
        delays = false;
        delayed = () => real.decide(name, input);
        become(false);
        return away();
      }
      const answer = await real.decide(name, input);
      if (!loses) return answer;
      become(false);
      return away();
    },
    state: () => state,
    onState(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  return {
    coordinator,
    go: () => become(false),
    /** The next answer is lost, and what comes after fails. */
    loseAnswers: () => void (loses = true),
    /** The next question is given up, and arrives all the same when the function it returns is called. */
    delayQuestion() {
      delays = true;
      return async () => void (await delayed?.());
    },
    comeBack() {
      loses = false;
      become(true);
    },
  };
}

type Settings = Partial<Pick<SharedLimiterOptions, "queue" | "whenDown" | "replicas">>;

/** Gateways that keep limits together, with one clock. */
export function createSharedWorld(settings: Settings = {}) {
  const clock = createClock();
  const meeting = createMemoryCoordination({ now: clock.now });
  function join() {
    const link = mayGo(meeting.join());
    const limiter = createSharedLimiter({
      coordinator: link.coordinator,
      queue: { size: 100, waitMs: 60_000 },
      whenDown: "local",
      replicas: () => 2,
      log: { warn: () => undefined },
      now: clock.now,
      after: (milliseconds, ring) => clock.after(milliseconds, ring),
      every: (milliseconds, work) => {
        const again = (): (() => void) =>
          clock.after(milliseconds, () => {
            work();
            end = again();
          });
        let end = again();
        return () => end();
      },
      ...settings,
    });
    return { ...link, limiter };
  }
  return { clock, first: join(), second: join() };
}

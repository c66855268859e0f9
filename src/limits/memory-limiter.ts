import { alarms, type Alarms } from "../lib/alarms.ts";
import { wholeTokens } from "../lib/whole-tokens.ts";
import { fullestOf, longer, occupy, rateRefusal, settle, tokensOf, waitForPlaceMs } from "./decision.ts";
import { freeLease, PlaceLease, type Ledger } from "./lease.ts";
import type { Lease, LimitRefusal, LocalLimiter, QueueSettings, Scope } from "./limiter.ts";
import type { ScopeState } from "./scope-state.ts";
import { createScopeTable } from "./scope-table.ts";
import { createWaitingQueue } from "./waiting-queue.ts";

export interface LimiterOptions {
  readonly queue: QueueSettings;
  /** Milliseconds; may jump. */
  readonly now?: () => number;
  /** Deadlines of those that wait. */
  readonly after?: Alarms["set"];
  readonly mostAddresses?: number;
}

function placeRefusal(state: ScopeState): LimitRefusal {
  return { scope: state.scope, by: "concurrency", retryAfterMs: waitForPlaceMs(state) };
}

/** Limits of one process, in its memory. */
export function createLimiter(options: LimiterOptions): LocalLimiter {
  const { now = () => performance.now(), mostAddresses = 100_000 } = options;
  const after = options.after ?? ((milliseconds, ring) => alarms.set(milliseconds, ring));
  const changed: ScopeState[] = [];
  const table = createScopeTable({ now, after, mostAddresses, onChange: (state) => changed.push(state) });
  const queue = createWaitingQueue({ settings: options.queue, now, after, grant });

  const ledger: Ledger = {
    settle(reservations, tokens) {
      const actual = Number.isFinite(tokens) ? wholeTokens(tokens) : undefined;
      if (actual === undefined) return;
      const time = now();
      for (const reserved of reservations) settle(table.current(reserved.state), reserved, { actual, time });
    },
    giveBack(states, since) {
      const time = now();
      let isAwaited = false;
      for (const state of states) {
        state.giveBack(time, since);
        isAwaited ||= state.line !== undefined && state.line.waiters.length > 0;
      }
      if (isAwaited) queue.wake(states);
    },
  };

  function grant(states: readonly ScopeState[], tokens: number, time: number): Lease {
    return new PlaceLease(ledger, { states, reservations: occupy(states, tokens, time), since: time });
  }

  function wakeChanged(): void {
    if (changed.length > 0) queue.wake(changed.splice(0));
  }

  function find(scopes: readonly Scope[]): readonly ScopeState[] {
    const states = table.statesOf(scopes);
    if (changed.length === 0) return states;
    // Those that wait go first; what they do meanwhile may change what was found.
    wakeChanged();
    return table.statesOf(scopes);
  }

  return {
    take(scopes, demand) {
      if (scopes.length === 0) return freeLease;
      const states = find(scopes);
      if (states.length === 0) return freeLease;
      const tokens = tokensOf(states, demand);
      const time = now();
      const refusal = rateRefusal(states, tokens, time);
      const full = fullestOf(states);
      if (full !== undefined) return longer(refusal, placeRefusal(full));
      return refusal ?? grant(states, tokens, time);
    },
    count(scopes, demand) {
      const states = find(scopes);
      return states.length === 0 ? freeLease : grant(states, tokensOf(states, demand), now());
    },
    // Not an async function: whoever has room gets it within the call.
    wait(scopes, demand, waiting) {
      const states = find(scopes);
      if (states.length === 0) return Promise.resolve(freeLease);
      const tokens = tokensOf(states, demand);
      const time = now();
      const refusal = rateRefusal(states, tokens, time);
      if (refusal !== undefined) return Promise.resolve(refusal);
      const full = fullestOf(states);
      if (full === undefined) return Promise.resolve(grant(states, tokens, time));
      return queue.enter({ states, full, demand, waiting });
    },
    configure(settings, scopes = []) {
      queue.configure(settings);
      for (const scope of scopes) table.adopt(scope);
      wakeChanged();
    },
    waiting: () => queue.size(),
    view() {
      const time = now();
      return Array.from(table.all(), ({ scope, inUse, line, requests, tokens }) => ({
        scope,
        inUse,
        waiting: line?.waiters.length ?? 0,
        requests: requests.usedAt(time),
        tokens: tokens.usedAt(time),
      }));
    },
  };
}

import type { Alarms } from "../lib/alarms.ts";
import type { LimitSet, Scope } from "./limiter.ts";
import { windowMs } from "../lib/meter.ts";
import { ScopeState } from "./scope-state.ts";

export interface ScopeTable {
  /** The states of those scopes that limit anything, in the same order. Nothing else may come before they are taken of. */
  statesOf(scopes: readonly Scope[]): ScopeState[];
  /** The one that is counted in now. */
  current(state: ScopeState): ScopeState;
  /** Takes up the limits of scopes that are known. */
  adopt(scope: Scope): void;
  all(): Iterable<ScopeState>;
}

export interface ScopeTableOptions {
  readonly now: () => number;
  readonly after: Alarms["set"];
  /** Limits of the scope have changed. Must not look up others. */
  readonly onChange: (state: ScopeState) => void;
  /** Addresses are chosen by clients: beyond so many, those without a request on its way are forgotten before their minute is over. */
  readonly mostAddresses: number;
}

/** Idle scopes looked for at each new one: more than come, or they would pile up. */
const looksForEachNew = 4;
const looksAtOnce = 5000;
const pauseMs = 250;

export function limitsNothing({ rpm, tpm, concurrency }: LimitSet): boolean {
  return rpm === undefined && tpm === undefined && concurrency === undefined;
}

function isSame(left: LimitSet, right: LimitSet): boolean {
  return left.rpm === right.rpm && left.tpm === right.tpm && left.concurrency === right.concurrency;
}

/** What is known of each scope. Idle ones are forgotten, bit by bit. */
export function createScopeTable({ now, after, onChange, mostAddresses }: ScopeTableOptions): ScopeTable {
  const kinds: Record<Scope["kind"], Map<string, ScopeState>> = {
    total: new Map(),
    key: new Map(),
    team: new Map(),
    address: new Map(),
    model: new Map(),
    provider: new Map(),
    credential: new Map(),
  };
  let walk = all();
  let looksOwed = 0;
  let isSweepSet = false;

  function* all(): Generator<ScopeState, undefined> {
    for (const states of Object.values(kinds)) yield* states.values();
  }

  function isForgettable(state: ScopeState, time: number): boolean {
    const isTooMany = state.scope.kind === "address" && kinds.address.size > mostAddresses;
    return isTooMany ? state.isUnused() : state.isIdle(time);
  }

  /** Whether it came to the end of all. */
  function forgetIdle(looks: number): boolean {
    const time = now();
    for (let look = 0; look < looks; look += 1) {
      const state = walk.next().value;
      if (state === undefined) {
        walk = all();
        return true;
      }
      if (!isForgettable(state, time)) continue;
      state.isDropped = true;
      kinds[state.scope.kind].delete(state.scope.id);
    }
    return false;
  }

  /** New scopes come with idle ones; this is for the time after the last new one. */
  function setSweep(milliseconds: number): void {
    isSweepSet = true;
    after(milliseconds, () => {
      isSweepSet = false;
      const isWhole = forgetIdle(looksAtOnce);
      if (!all().next().done) setSweep(isWhole ? windowMs : pauseMs);
    });
  }

  function add(state: ScopeState): ScopeState {
    kinds[state.scope.kind].set(state.scope.id, state);
    looksOwed += looksForEachNew;
    if (!isSweepSet) setSweep(windowMs);
    return state;
  }

  function refresh(state: ScopeState, scope: Scope): void {
    const { limits } = state.scope;
    if (limits === scope.limits) return;
    state.scope = scope;
    if (!isSame(limits, scope.limits)) onChange(state);
  }

  function adopt(scope: Scope): void {
    const state = kinds[scope.kind].get(scope.id);
    if (state !== undefined) refresh(state, scope);
  }

  function stateOf(scope: Scope): ScopeState | undefined {
    const state = kinds[scope.kind].get(scope.id);
    if (state === undefined) return limitsNothing(scope.limits) ? undefined : add(new ScopeState(scope));
    refresh(state, scope);
    return limitsNothing(state.scope.limits) ? undefined : state;
  }

  return {
    statesOf(scopes) {
      // Before they are looked up: none of them may be forgotten before it is taken of.
      if (looksOwed > 0) {
        forgetIdle(looksOwed);
        looksOwed = 0;
      }
      const states: ScopeState[] = [];
      for (const scope of scopes) {
        const state = stateOf(scope);
        if (state !== undefined && !states.includes(state)) states.push(state);
      }
      return states;
    },
    current(state) {
      if (!state.isDropped) return state;
      return kinds[state.scope.kind].get(state.scope.id) ?? add(new ScopeState(state.scope));
    },
    adopt,
    all,
  };
}

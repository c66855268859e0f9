import type { Demand, LimitRefusal } from "./limiter.ts";
import { windowMs } from "../lib/meter.ts";
import { wholeTokens } from "../lib/whole-tokens.ts";
import type { ScopeState } from "./scope-state.ts";

/** What is told where nothing is known of how long places are held. */
export const unknownWaitMs = 1000;

/** Tokens reserved of one scope. */
export interface Reservation {
  readonly state: ScopeState;
  /** The minute they were reserved in. */
  readonly serial: number;
  readonly amount: number;
}

const noReservations: readonly Reservation[] = [];

/** The estimate, asked for only where tokens are limited. */
export function tokensOf(states: readonly ScopeState[], demand: Demand): number {
  for (const { scope } of states) {
    if (scope.limits.tpm !== undefined) return wholeTokens(demand.tokens()) ?? 0;
  }
  return 0;
}

/** The limit by the minute that is in the way for the longest time. */
export function rateRefusal(states: readonly ScopeState[], tokens: number, time: number): LimitRefusal | undefined {
  let longest: LimitRefusal | undefined;
  for (const { scope, requests, tokens: used } of states) {
    const { rpm, tpm } = scope.limits;
    if (rpm !== undefined && requests.usedAt(time) + 1 > rpm)
      longest = longer(longest, { scope, by: "rpm", retryAfterMs: restMs(requests.restMs(time)) });
    if (tpm !== undefined && used.usedAt(time) + Math.min(tokens, tpm) > tpm)
      longest = longer(longest, { scope, by: "tpm", retryAfterMs: restMs(used.restMs(time)) });
  }
  return longest;
}

function restMs(rest: number): number {
  return Math.min(windowMs, Math.max(1, Math.ceil(rest)));
}

/** The one that makes wait for longer. */
export function longer(left: LimitRefusal | undefined, right: LimitRefusal): LimitRefusal {
  return left === undefined || right.retryAfterMs > left.retryAfterMs ? right : left;
}

/** Milliseconds until a request that came now would have a place. */
export function waitForPlaceMs(state: ScopeState): number {
  return state.etaMs((state.line?.waiters.length ?? 0) + 1) ?? unknownWaitMs;
}

/** The scope without a place that makes wait for the longest time. */
export function fullestOf(states: readonly ScopeState[]): ScopeState | undefined {
  let fullest: ScopeState | undefined;
  for (const state of states) {
    if (!state.isFull()) continue;
    if (fullest === undefined || waitForPlaceMs(state) > waitForPlaceMs(fullest)) fullest = state;
  }
  return fullest;
}

/** Takes of all; nothing may be in the way. */
export function occupy(states: readonly ScopeState[], tokens: number, time: number): readonly Reservation[] {
  let reservations: Reservation[] | undefined;
  for (const state of states) {
    const { tpm } = state.scope.limits;
    state.inUse += 1;
    state.requests.add(1, time);
    if (tpm === undefined) continue;
    const amount = Math.min(tokens, tpm);
    state.tokens.add(amount, time);
    (reservations ??= []).push({ state, serial: state.tokens.serial, amount });
  }
  return reservations ?? noReservations;
}

/** What was really used takes the place of the estimate. */
export function settle(
  state: ScopeState,
  reserved: Reservation,
  { actual, time }: { actual: number; time: number },
): void {
  const serial = state === reserved.state ? reserved.serial : undefined;
  state.tokens.correct(actual - reserved.amount, { serial, time });
}

import type { RequestFacts, Route } from "../routing/route.ts";

/** A route always has a target; this is for the type only. */
const fallbackMs = 600_000;

/** Milliseconds that a timeout of the route's first provider allows. */
export function timeoutOf({ first }: Route, timeout: "total" | "idle"): number {
  return first.targets[0]?.upstream.config.timeouts[timeout] ?? fallbackMs;
}

/** Milliseconds that a request may take in all: what it says itself goes first. */
export function totalMsOf(route: Route, { steering }: RequestFacts): number {
  return steering?.timeoutMs ?? timeoutOf(route, "total");
}

import type { Lease, LimitRefusal, Scope } from "../limits/limiter.ts";
import type { Leg } from "./cancellation.ts";
import type { Trying } from "./trying.ts";

interface Line {
  readonly scopes: readonly Scope[];
  /** Stopped, it leaves the line; its lease is then a refusal, or a place that came just before and must be released. */
  readonly leg: Leg;
}

/** Waits in the limiter's line for a place; whoever asked is told meanwhile where in the line the request is. */
export async function waitInLine(
  { routing, demand, onQueued }: Pick<Trying, "routing" | "demand" | "onQueued">,
  { scopes, leg }: Line,
): Promise<Lease | LimitRefusal> {
  const stop = leg.begin();
  const lease = await routing.limiter.wait(scopes, demand, {
    onLeave: (leave) => stop.onStop(leave),
    onPosition: onQueued && ((position, etaMs) => onQueued({ position, etaMs })),
  });
  onQueued?.(undefined);
  return lease;
}

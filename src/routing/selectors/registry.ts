import type { Strategy } from "../../config/schema-routing.ts";
import { cheapest } from "./cheapest.ts";
import { leastUsed } from "./least-used.ts";
import { lowestLatency } from "./lowest-latency.ts";
import { priority } from "./priority.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";
import type { Selector } from "./selector.ts";
import { weighted } from "./weighted.ts";

/** Every strategy, listed by hand: a compiled executable has no folder to scan. */
export const selectors = {
  priority,
  weighted,
  round_robin: roundRobin,
  random,
  least_used: leastUsed,
  lowest_latency: lowestLatency,
  cheapest,
} as const satisfies Record<Strategy, Selector>;

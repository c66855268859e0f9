import type { Limiter } from "../limits/limiter.ts";
import type { Planner } from "../routing/route.ts";
import type { Price } from "../prices/price.ts";
import type { Target } from "../routing/target.ts";

/** What going through targets works with, one for the whole gateway. */
export interface Routing {
  readonly planner: Planner;
  readonly limiter: Limiter;
  /** A longer Retry-After is the client's to wait for: it gets the 429. */
  readonly longestWaitMs: number;
  /** An answer without content is tried elsewhere. */
  readonly triesEmptyAnswers: boolean;
  /** What a target costs, where it is known; `served` is the model that its answer names. */
  readonly priceOf: (target: Target, served?: string) => Price | undefined;
  /** Answers say who gave them. */
  readonly showsRouting: boolean;
  /** Told of every step beyond the first try. */
  readonly onStep: (step: RoutingStep) => void;
}

export type RoutingStep =
  | { kind: "retry" | "failover"; provider: string }
  | { kind: "hedge"; provider: string; outcome: "won" | "lost" | "failed" }
  | { kind: "limit"; scope: string; by: string }
  | { kind: "shed"; reason: string };

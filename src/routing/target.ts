import type { Rates } from "../prices/price.ts";
import type { TargetHealth } from "./health/health.ts";
import type { Upstream } from "./upstream.ts";

/** Changes to the fields of requests, named as OpenAI chat names them; one of several levels (all, provider, model, target). */
export interface ParameterRules {
  /** For requests whose client sent none. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Whatever the client sent. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly remove: readonly string[];
}

/** A place that can serve a model: a provider and the name the model has there. */
export interface Target {
  readonly upstream: Upstream;
  /** The name the upstream knows. */
  readonly model: string;
  /** Share of requests with strategy weighted; 0 = only when nothing else is left. */
  readonly weight: number;
  /** Lower is tried first. */
  readonly priority: number;
  /** As configured with it; others may be known besides (`prices/price-book.ts`). */
  readonly price: Rates | undefined;
  /** Of all levels together, the nearest one winning; `undefined` = nothing is changed. */
  readonly parameters: ParameterRules | undefined;
  /** One for each provider and upstream model, however many aliases lead there. */
  readonly health: TargetHealth;
}

import { estimatedDemand } from "../limits/token-demand.ts";
import { type Price, priceAt } from "../prices/price.ts";
import type { RequestFacts, Route } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Operation } from "../telemetry/request-record.ts";

/** US dollars that a request may cost. */
export interface Estimate {
  readonly usd: number;
  /** Of it, what its prompt costs, whatever becomes of the answer. */
  readonly promptUsd: number;
}

export interface EstimateOptions {
  readonly operation: Operation;
  readonly route: Route;
  readonly facts: RequestFacts;
  readonly priceOf: (target: Target) => Price | undefined;
}

const million = 1_000_000;
const reasons = ["failed", "content", "context"] as const;
/** Their answers have no tokens worth speaking of. */
const promptOnly: readonly Operation[] = ["embeddings", "moderations", "rerank"];

/** All places that may be asked, fallbacks too. */
function targetsOf(route: Route): Set<Target> {
  const stages = [route.first, ...reasons.flatMap((reason) => route.fallbacks(reason))];
  return new Set(stages.flatMap(({ targets }) => targets));
}

/** At the dearest kind of each token: what a cache will make of it is not known before. */
function estimateAt(price: Price, prompt: number, answer: number): Estimate {
  const { input, cacheWrite = 0, output, reasoning = 0, request = 0 } = priceAt(price, prompt);
  const promptUsd = (prompt * Math.max(input, cacheWrite)) / million + request;
  return { promptUsd, usd: promptUsd + (answer * Math.max(output, reasoning)) / million };
}

/** What a request costs at the dearest place that it may go to; a place whose price is not known is given instead. */
export function estimateOf(options: EstimateOptions): Estimate | Target {
  const { operation, route, facts, priceOf } = options;
  const prompt = facts.promptTokens();
  const perAnswer = promptOnly.includes(operation) ? 0 : estimatedDemand(0, facts.maxTokens());
  const answer = perAnswer * facts.answers();
  let dearest: Estimate = { usd: 0, promptUsd: 0 };
  for (const target of targetsOf(route)) {
    const price = priceOf(target);
    if (price === undefined) return target;
    const estimate = estimateAt(price, prompt, answer);
    if (estimate.usd > dearest.usd) dearest = estimate;
  }
  return dearest;
}

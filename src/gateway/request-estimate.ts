import { type Price, priceAt } from "../prices/price.ts";
import { outputLimit } from "../protocols/parameters/index.ts";
import type { RequestFacts, Route, Stage } from "../routing/route.ts";
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
  /** The longest answer of a place where nobody asks for a shorter one. */
  readonly answerTokensAt: (target: Target) => number;
}

const nothing: Estimate = { usd: 0, promptUsd: 0 };
const million = 1_000_000;
const reasons = ["failed", "content", "context"] as const;
/** Their answers have no tokens worth speaking of. */
const promptOnly: readonly Operation[] = ["embeddings", "moderations", "rerank"];

/** All models that may be asked, each once. */
function stagesOf(route: Route): Set<Stage> {
  return new Set([route.first, ...reasons.flatMap((reason) => route.fallbacks(reason))]);
}

function longestAnswer(target: Target, { facts, answerTokensAt }: EstimateOptions): number {
  const { parameters } = target;
  const asked = facts.maxTokens();
  return (parameters === undefined ? asked : outputLimit(parameters, asked)) ?? answerTokensAt(target);
}

/** At the dearest kind of each token: what a cache will make of it is not known before. */
function estimateAt(price: Price, prompt: number, answer: number): Estimate {
  const { input, cacheWrite = 0, output, reasoning = 0, request = 0 } = priceAt(price, prompt);
  const promptUsd = (prompt * Math.max(input, cacheWrite)) / million + request;
  return { promptUsd, usd: promptUsd + (answer * Math.max(output, reasoning)) / million };
}

/** The dearest of a model's places; the two dearest together where a slow one is overtaken: both are at work then. */
function dearestOf({ hedgeAfterMs }: Stage, estimates: readonly Estimate[]): Estimate {
  const [first = nothing, second = nothing] = estimates.toSorted((one, other) => other.usd - one.usd);
  return hedgeAfterMs > 0 ? { usd: first.usd + second.usd, promptUsd: first.promptUsd } : first;
}

/** What a request costs at the dearest places that it may go to; a place whose price is not known is given instead. */
export function estimateOf(options: EstimateOptions): Estimate | Target {
  const { operation, route, facts, priceOf } = options;
  const prompt = facts.promptTokens();
  const answers = promptOnly.includes(operation) ? 0 : facts.answers();
  let dearest = nothing;
  for (const stage of stagesOf(route)) {
    const estimates: Estimate[] = [];
    for (const target of stage.targets) {
      const price = priceOf(target);
      if (price === undefined) return target;
      estimates.push(estimateAt(price, prompt, answers * longestAnswer(target, options)));
    }
    const estimate = dearestOf(stage, estimates);
    if (estimate.usd > dearest.usd) dearest = estimate;
  }
  return dearest;
}

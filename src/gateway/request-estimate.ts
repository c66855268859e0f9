import { type Price, priceAt } from "../prices/price.ts";
import type { RequestFacts, Route, Stage } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Operation } from "../telemetry/request-record.ts";

/** US dollars that a request may cost. */
export interface Estimate {
  readonly usd: number;
  /** Of it, what its prompt costs, whatever becomes of the answer. */
  readonly promptUsd: number;
}

/** The longest answer of a place where nobody asks for a shorter one. `isWritten`: the gateway asks for it by that number. */
export type AnswerTokensAt = (target: Target, isWritten: boolean) => number;

export interface EstimateOptions {
  readonly operation: Operation;
  readonly route: Route;
  readonly facts: RequestFacts;
  readonly priceOf: (target: Target) => Price | undefined;
  readonly answerTokensAt: AnswerTokensAt;
}

const nothing: Estimate = { usd: 0, promptUsd: 0 };
const million = 1_000_000;
const reasons = ["failed", "content", "context"] as const;
/** Their answers have no tokens worth speaking of. */
const promptOnly: readonly Operation[] = ["embeddings", "moderations", "rerank"];

/** At the dearest kind of each token: what a cache will make of it is not known before. */
function estimateAt(price: Price, prompt: number, answer: number): Estimate {
  const { input, cacheWrite = 0, output, reasoning = 0, request = 0 } = priceAt(price, prompt);
  const promptUsd = (prompt * Math.max(input, cacheWrite)) / million + request;
  return { promptUsd, usd: promptUsd + (answer * Math.max(output, reasoning)) / million };
}

/** What a request costs at the dearest places that it may go to; a place whose price is not known is given instead. */
export function estimateOf(options: EstimateOptions): Estimate | Target {
  const { operation, route, facts, priceOf, answerTokensAt } = options;
  const prompt = facts.promptTokens();
  const answers = promptOnly.includes(operation) ? 0 : facts.answers();

  /** At the dearest of a model's places; at the two dearest together where a slow one is overtaken: both are at work then. */
  function dearestOf({ targets, hedgeAfterMs }: Stage): Estimate | Target {
    let first = nothing;
    let second = nothing;
    for (const target of targets) {
      const price = priceOf(target);
      if (price === undefined) return target;
      const usual = answerTokensAt(target, facts.writesBound(target));
      const estimate = estimateAt(price, prompt, answers * facts.longestAnswer(usual, target));
      if (estimate.usd > first.usd) [first, second] = [estimate, first];
      else if (estimate.usd > second.usd) second = estimate;
    }
    return hedgeAfterMs > 0 ? { usd: first.usd + second.usd, promptUsd: first.promptUsd } : first;
  }

  function dearer(known: Estimate | Target, stages: readonly Stage[]): Estimate | Target {
    let dearest = known;
    for (const stage of stages) {
      if (!("usd" in dearest)) return dearest;
      const estimate = dearestOf(stage);
      if (!("usd" in estimate) || estimate.usd > dearest.usd) dearest = estimate;
    }
    return dearest;
  }

  let dearest = dearer(dearestOf(route.first), route.keptModels);
  for (const reason of reasons) dearest = dearer(dearest, route.fallbacks(reason));
  return dearest;
}

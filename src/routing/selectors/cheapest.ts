import { sortByRank, type Selector } from "./selector.ts";

/** Where a request does not say how long its answer may become. */
const usualAnswerTokens = 1000;
const million = 1_000_000;

/** What the request may cost at most, as far as one can tell; unknown prices are last, never free. */
export const cheapest: Selector = {
  measure({ price, upstream, model }, { facts, findFacts }) {
    const known = price ?? findFacts(upstream, model)?.pricing;
    if (known === undefined) return undefined;
    const answerTokens = facts.maxTokens() ?? usualAnswerTokens;
    return (facts.promptTokens() * known.input + answerTokens * known.output) / million;
  },
  order(candidates) {
    for (const candidate of candidates) candidate.rank = candidate.score ?? Infinity;
    sortByRank(candidates);
  },
};

import { priceAt } from "../../prices/price.ts";
import { sortByRank, type Selector } from "./selector.ts";

/** Where a request does not say how long its answer may become. */
const usualAnswerTokens = 1000;
const million = 1_000_000;

/** What the request may cost at most, as far as one can tell; unknown prices are last, never free. */
export const cheapest: Selector = {
  measure(target, { facts, priceOf }) {
    const price = priceOf(target);
    if (price === undefined) return undefined;
    const promptTokens = facts.promptTokens();
    const { input, output, request = 0 } = priceAt(price, promptTokens);
    const answerTokens = facts.longestAnswer(usualAnswerTokens);
    return (promptTokens * input + answerTokens * output) / million + request;
  },
  order(candidates) {
    for (const candidate of candidates) candidate.rank = candidate.score ?? Infinity;
    sortByRank(candidates);
  },
};

import { sortByRank, type Selector } from "./selector.ts";

/** The one with the fewest requests on their way for its weight; of equal ones, the one that has waited longest for its turn. */
export const leastUsed: Selector = {
  measure: ({ health, weight }) => (weight > 0 ? health.inFlight / weight : health.inFlight),
  order(candidates) {
    for (const candidate of candidates) candidate.rank = candidate.score ?? 0;
    sortByRank(candidates);
  },
};

import { sortByRank, type Selector } from "./selector.ts";

/**
 * Weights as probabilities: with 3 and 1 the first goes first in three of four requests, and so on among the rest.
 * Times until the first event of processes with these rates are in exactly this order. Weight 0 never comes: last.
 */
export const weighted: Selector = {
  measure: ({ weight }) => weight,
  order(candidates, { random }) {
    for (const candidate of candidates) {
      const { weight } = candidate.target;
      candidate.rank = weight > 0 ? -Math.log(1 - random()) / weight : Infinity;
    }
    sortByRank(candidates);
  },
};

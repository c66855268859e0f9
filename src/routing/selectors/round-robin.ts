import { sortByRank, type Selector } from "./selector.ts";

/**
 * The one that has not come first for the longest time goes first. A number that counts on would give the turns of one
 * that is out of order to its neighbour alone.
 */
export const roundRobin: Selector = {
  measure: () => undefined,
  order(candidates) {
    for (const candidate of candidates) candidate.rank = 0;
    sortByRank(candidates);
  },
};

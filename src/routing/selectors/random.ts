import type { Selector } from "./selector.ts";

/** Every order is equally likely. */
export const random: Selector = {
  measure: () => undefined,
  order(candidates, choice) {
    for (let last = candidates.length - 1; last > 0; last -= 1) {
      const chosen = Math.floor(choice.random() * (last + 1));
      const [left, right] = [candidates[last], candidates[chosen]];
      if (left === undefined || right === undefined) return;
      candidates[last] = right;
      candidates[chosen] = left;
    }
  },
};

import type { Selector } from "./selector.ts";

/** As they are written. */
export const priority: Selector = {
  measure: () => undefined,
  order: () => undefined,
};

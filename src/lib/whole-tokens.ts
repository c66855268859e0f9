/** No request has so many; beyond it sums would not be exact any more, and a database's numbers would run over. */
const mostTokens = 1e12;

/** A whole number of tokens from what an estimate or an upstream says; `undefined` = it makes no sense. */
export function wholeTokens(tokens: number): number | undefined {
  return Number.isNaN(tokens) ? undefined : Math.min(mostTokens, Math.max(0, Math.ceil(tokens)));
}

/** Whole numbers add up exactly: what is counted together is counted in billionths of a dollar. */
export const unitsInDollar = 1e9;

export function unitsOf(usd: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.round(usd * unitsInDollar));
}

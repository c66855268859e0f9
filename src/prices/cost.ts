import type { PriceUsed, Usage } from "../telemetry/request-record.ts";

const million = 1_000_000;

/** Of tokens at a price each; NaN = it cannot be known. Nothing was used: no price is needed. */
function charge(tokens: number | undefined, rate: number | undefined): number {
  if (tokens === undefined || tokens === 0) return 0;
  return rate === undefined || !(tokens > 0) ? Number.NaN : tokens * rate;
}

/** What the cache holds of a free prompt is free; else its price is another one, and must be known. */
function cacheRate(rate: number | undefined, { input }: PriceUsed): number | undefined {
  return rate ?? (input === 0 ? 0 : undefined);
}

/** Of a kind that every answer has: where the upstream does not count it, only what is free can be known. */
function sureCharge(tokens: number | undefined, rate: number): number {
  return tokens === undefined && rate > 0 ? Number.NaN : charge(tokens, rate);
}

/** The sum's exact decimal value: binary fractions leave their noise behind the 15th digit. */
function exact(sum: number): number {
  return Number(sum.toPrecision(15));
}

/**
 * US dollars. `undefined` as soon as something that was used has no known price, or input or output is not known. An answer
 * that is all reasoning, or of a model that has no output, needs no count of its output.
 */
export function costOf(usage: Usage, price: PriceUsed): number | undefined {
  const { input, cacheRead, cacheWrite, output, reasoning } = usage;
  const sum =
    sureCharge(input, price.input) +
    charge(cacheRead, cacheRate(price.cacheRead, price)) +
    charge(cacheWrite, cacheRate(price.cacheWrite, price)) +
    (reasoning === undefined || reasoning === 0 ? sureCharge(output, price.output) : charge(output, price.output)) +
    charge(reasoning, price.reasoning ?? price.output);
  const cost = exact(sum / million + (price.request ?? 0));
  return Number.isFinite(cost) ? cost : undefined;
}

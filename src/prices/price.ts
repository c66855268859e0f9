import type { PriceUsed } from "../telemetry/request-record.ts";

/** From a prompt of more than `above` tokens on (cached ones count), all of a request is charged by `used`. */
interface PriceTier {
  readonly above: number;
  readonly used: PriceUsed;
}

/** What a target costs. There is one object for each, shared by all requests. */
export interface Price {
  /** US dollars for a million tokens of a prompt in the lowest tier, for whoever only compares. */
  readonly input: number;
  readonly output: number;
  /** What a prompt in the lowest tier is charged by. */
  readonly base: PriceUsed;
  /** From the lowest to the highest. */
  readonly tiers: readonly PriceTier[];
}

/** US dollars for a million tokens, `request` for each request; what is missing is not known. */
export interface Rates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly reasoning?: number | undefined;
  readonly request?: number | undefined;
}

const noTiers: readonly PriceTier[] = Object.freeze([]);

export function usedPrice(rates: Rates, origin: Pick<PriceUsed, "source" | "asOf">): PriceUsed {
  const { input, output, cacheRead, cacheWrite, reasoning, request } = rates;
  return { input, output, cacheRead, cacheWrite, reasoning, request, source: origin.source, asOf: origin.asOf };
}

export function priceOf(base: PriceUsed, tiers: readonly PriceTier[] = noTiers): Price {
  return { input: base.input, output: base.output, base, tiers };
}

/** What a request with so many input tokens is charged by. */
export function priceAt({ base, tiers }: Price, promptTokens: number): PriceUsed {
  let used = base;
  for (const tier of tiers) if (promptTokens > tier.above) used = tier.used;
  return used;
}

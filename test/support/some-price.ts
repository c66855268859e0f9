import type { PriceUsed } from "../../src/telemetry/request-record.ts";

/** A price with nothing but input and output, of the price table. */
export const somePrice: PriceUsed = {
  input: 3,
  output: 15,
  cacheRead: undefined,
  cacheWrite: undefined,
  reasoning: undefined,
  request: undefined,
  source: "table",
  asOf: "2026-09-23",
};

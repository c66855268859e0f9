import { z } from "zod";
import type { PriceUsed } from "../telemetry/request-record.ts";
import type { PriceBook, PricedTarget } from "./price-book.ts";
import type { RefreshState } from "./price-refresh.ts";
import type { PriceTable } from "./price-table.ts";

const rate = z.number().nullish();
const rates = {
  input: z.number().describe("US dollars for a million input tokens"),
  output: z.number(),
  cacheRead: rate,
  cacheWrite: rate,
  reasoning: rate.describe("null = as output"),
  request: rate.describe("US dollars for each request"),
};

const price = z.object({
  ...rates,
  source: z
    .enum(["config", "list", "table"])
    .describe("The configuration, the upstream's own list, or the price table"),
  asOf: z.string().describe("The day that the source is of"),
  tiers: z
    .array(z.object({ above: z.number().describe("Input tokens, cached ones too"), ...rates }))
    .describe("What all of a request with a longer prompt is charged by"),
});

const row = z.object({
  model: z.string().describe("What clients ask for"),
  provider: z.string(),
  upstreamModel: z.string(),
  price: price.nullish().describe("null = not known"),
});

/** What this gateway charges by, as GET /api/prices tells of it; `null` = not known. */
export const priceReportSchema = z.object({
  prices: z.array(row),
  table: z.object({
    source: z.string().describe("`bundled`, or the URL it was fetched from"),
    asOf: z.string().describe("The day it is of"),
    refresh: z
      .object({
        url: z.string(),
        goodAt: z.number().nullish().describe("Epoch milliseconds of the last good fetch"),
        problem: z.string().nullish().describe("Why the last fetch brought none"),
      })
      .nullish()
      .describe("null = off"),
  }),
});

export type PriceReport = z.infer<typeof priceReportSchema>;
export type PriceRow = PriceReport["prices"][number];

export interface NamedTarget<T extends PricedTarget> {
  /** What clients ask for. */
  readonly name: string;
  readonly target: T;
}

export interface PriceReportOptions<T extends PricedTarget> {
  targets: readonly NamedTarget<T>[];
  book: PriceBook<T>;
  table: Pick<PriceTable, "origin">;
  /** `undefined` = off. */
  refresh: RefreshState | undefined;
}

function ratesOf({ input, output, cacheRead, cacheWrite, reasoning, request }: PriceUsed) {
  return { input, output, cacheRead, cacheWrite, reasoning, request };
}

/** What every configured target would be charged by now. */
export function priceReport<T extends PricedTarget>(options: PriceReportOptions<T>): PriceReport {
  const { targets, book, table, refresh } = options;
  const prices = targets.map(({ name, target }): PriceRow => {
    const found = book.priceOf(target);
    const tiers = found?.tiers.map(({ above, used }) => ({ above, ...ratesOf(used) })) ?? [];
    const { upstream, model } = target;
    return {
      model: name,
      provider: upstream.name,
      upstreamModel: model,
      price: found && { ...ratesOf(found.base), source: found.base.source, asOf: found.base.asOf, tiers },
    };
  });
  return { prices, table: { ...table.origin(), refresh } };
}

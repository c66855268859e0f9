import type { PriceReport, PriceRow } from "../prices/price-report.ts";
import type { Reconciled } from "../prices/reconcile.ts";
import { fitColumns } from "./fit-columns.ts";
import { type Column, type Palette, printable, table } from "./output.ts";
import { longestModel } from "./short-model.ts";
import { formatUsd } from "./stats-format.ts";

export interface PricesLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  readonly width: number;
  readonly colors: Palette;
}

interface Line {
  readonly model: string;
  readonly upstream: string;
  readonly rates: Omit<NonNullable<PriceRow["price"]>, "source" | "asOf" | "tiers"> | undefined;
  readonly source: string;
}

const unknown = "-";

function rateText(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return unknown;
  return rate === 0 ? "free" : `$${Number(rate.toPrecision(6))}`;
}

/** A target, and a line for each of its tiers. */
function linesOf({ model, provider, upstreamModel, price }: PriceRow): Line[] {
  const upstream = `${provider} / ${upstreamModel}`;
  if (price === null || price === undefined) return [{ model, upstream, rates: undefined, source: "not known" }];
  const tiers = price.tiers.map(({ above, ...rates }): Line => {
    return { model: "", upstream: `prompts over ${above.toLocaleString("en-US")} tokens`, rates, source: "" };
  });
  return [{ model, upstream, rates: price, source: `${price.source}, ${price.asOf}` }, ...tiers];
}

export function formatPrices(prices: readonly PriceRow[], { width, colors }: PricesLayout): string {
  const lines = prices.flatMap(linesOf);
  const rate = (
    title: string,
    pick: (rates: NonNullable<Line["rates"]>) => number | null | undefined,
  ): Column<Line> => ({
    title,
    align: "right",
    text: ({ rates }) => (rates === undefined ? unknown : rateText(pick(rates))),
  });
  const hasFees = lines.some(({ rates }) => (rates?.request ?? 0) > 0);
  const columns: Column<Line>[] = [
    { title: "MODEL", text: ({ model }) => model, maxWidth: longestModel, narrowest: 12, paint: () => colors.cyan },
    { title: "UPSTREAM", text: ({ upstream }) => upstream, maxWidth: longestModel, narrowest: 16 },
    rate("IN/1M", ({ input }) => input),
    rate("OUT/1M", ({ output }) => output),
    rate("CACHE READ", ({ cacheRead }) => cacheRead),
    rate("CACHE WRITE", ({ cacheWrite }) => cacheWrite),
    ...(hasFees ? [rate("REQUEST", ({ request }) => request)] : []),
    { title: "SOURCE", text: ({ source }) => source, paint: ({ rates }) => (rates ? undefined : colors.yellow) },
  ];
  return table(fitColumns(columns, lines, width).columns, lines, colors);
}

const dayMs = 86_400_000;

function ageText(asOf: string, now: number): string {
  const days = Math.floor((now - Date.parse(asOf)) / dayMs);
  if (!(days >= 1)) return "today's";
  return days === 1 ? "1 day old" : `${days} days old`;
}

/** Where the price table comes from, how old it is, and whether its refresh works. */
export function tableNote({ table: { source, asOf, refresh } }: PriceReport, now: number): string {
  const from = source === "bundled" ? "in the executable" : `from ${printable(source)}`;
  const note = `US dollars for a million tokens. Price table: ${from}, of ${printable(asOf)} (${ageText(asOf, now)}).`;
  const problem = refresh?.problem ?? undefined;
  return problem === undefined ? note : `${note} The last fetch failed: ${printable(problem)}.`;
}

function shareText(share: number | undefined): string {
  if (share === undefined) return unknown;
  return `${share > 0 ? "+" : ""}${(share * 100).toFixed(1)}%`;
}

function differenceText(usd: number): string {
  return `${usd < 0 ? "-" : "+"}${formatUsd(Math.abs(usd))}`;
}

export function formatReconciled(rows: readonly Reconciled[], { width, colors }: PricesLayout): string {
  const columns: Column<Reconciled>[] = [
    {
      title: "PROVIDER / MODEL",
      text: ({ provider, model }) => `${provider} / ${model}`,
      maxWidth: longestModel * 2,
      narrowest: 24,
    },
    { title: "REQUESTS", align: "right", text: ({ requests }) => requests.toLocaleString("en-US") },
    { title: "UNPRICED", align: "right", text: ({ unpriced }) => unpriced.toLocaleString("en-US") },
    { title: "REPORTED", align: "right", text: ({ reportedUsd }) => formatUsd(reportedUsd) },
    { title: "COMPUTED", align: "right", text: ({ computedUsd }) => formatUsd(computedUsd) },
    { title: "DIFFERENCE", align: "right", text: ({ differenceUsd }) => differenceText(differenceUsd) },
    { title: "%", align: "right", text: ({ share }) => shareText(share) },
    {
      title: "",
      text: ({ isDrifting }) => (isDrifting ? "drifts" : ""),
      paint: ({ isDrifting }) => (isDrifting ? colors.red : undefined),
    },
  ];
  return table(fitColumns(columns, rows, width).columns, rows, colors);
}

import { shownUsd } from "../lib/shown-usd.ts";
import type { Grouping, StatisticsRow } from "../storage/store.ts";
import { fitColumns } from "./fit-columns.ts";
import { formatMs } from "./format-number.ts";
import { type Column, displayWidth, type Palette, table } from "./output.ts";
import { longestModel, shortModel } from "./short-model.ts";

export interface StatsRow extends StatisticsRow {
  /** What the key of the group is called, where it is known. */
  name?: string | undefined;
}

export interface Statistics {
  by: Grouping;
  rows: readonly StatsRow[];
  total: StatisticsRow;
}

export interface StatsLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  width: number;
  colors: Palette;
}

const barWidth = 8;
const unknown = "-";
const counts = new Intl.NumberFormat("en-US");

/** Thousands separated by commas: `1,234,567`. */
function formatInteger(value: number): string {
  return counts.format(value);
}

/** US dollars, as many decimals as a small amount needs: `$1,234.50`, `$0.0123`, `$0.000012`. */
export function formatUsd(value: number | undefined): string {
  if (value === undefined) return unknown;
  const digits = value === 0 || value >= 1 ? 2 : value >= 0.01 ? 4 : 6;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** A share of the largest value as blocks, in half-column steps; something always shows where there is something. */
export function bar(value: number, largest: number, width = barWidth): string {
  if (value <= 0 || largest <= 0) return "";
  const halves = Math.max(1, Math.round((value / largest) * width * 2));
  return "█".repeat(Math.floor(halves / 2)) + (halves % 2 === 1 ? "▌" : "");
}

function percentileColumns(
  label: string,
  pick: (row: StatisticsRow) => StatisticsRow["latencyMs"],
): Column<StatisticsRow>[] {
  return (["p50", "p95", "p99"] as const).map((percentile) => ({
    title: percentile === "p50" ? `${label} p50` : percentile,
    align: "right",
    text: (row) => formatMs(pick(row)?.[percentile]) || unknown,
  }));
}

type StatsColumn = Column<StatsRow>;

function columnsOf(
  { rows, total, by }: Statistics,
  colors: Palette,
): { groups: StatsColumn[]; left: StatsColumn[]; right: StatsColumn[] } {
  const largest = Math.max(...rows.map((row) => row.requests));
  const isTotal = (row: StatisticsRow) => row === total;
  return {
    groups: [
      {
        title: by,
        text: (row) => (isTotal(row) ? "total" : row.group),
        maxWidth: longestModel,
        shorten: shortModel,
      },
      ...(rows.some(({ name }) => name !== undefined)
        ? [{ title: "name", text: ({ name = "" }: StatsRow) => name, maxWidth: longestModel }]
        : []),
    ],
    left: [
      { title: "", text: (row) => (isTotal(row) ? "" : bar(row.requests, largest)), paint: () => colors.cyan },
      { title: "requests", align: "right", text: (row) => formatInteger(row.requests) },
      {
        title: "errors",
        align: "right",
        text: (row) => formatInteger(row.errors),
        paint: (row) => (row.errors > 0 ? colors.red : undefined),
      },
      { title: "tokens in", align: "right", text: (row) => formatInteger(row.promptTokens) },
      { title: "out", align: "right", text: (row) => formatInteger(row.completionTokens) },
      { title: "cost", align: "right", text: (row) => formatUsd(row.costUsd) },
    ],
    right: [...percentileColumns("latency", (row) => row.latencyMs), ...percentileColumns("ttft", (row) => row.ttftMs)],
  };
}

/** A table whose last row, the total, stands under a rule. */
function withRule(columns: readonly StatsColumn[], statistics: Statistics, colors: Palette): string {
  const lines = table(columns, [...statistics.rows, statistics.total], colors).split("\n");
  const width = Math.max(...lines.map((line) => displayWidth(line)));
  const last = lines.pop() ?? "";
  return [...lines, colors.gray("─".repeat(width)), colors.bold(last)].map((line) => line.trimEnd()).join("\n");
}

const narrowestGroup = 8;

/** One table where it fits into the width, else two below each other: amounts, then times. Long group names are cut. */
export function formatStats(statistics: Statistics, { width, colors }: StatsLayout): string {
  const { groups, left, right } = columnsOf(statistics, colors);
  const rows = [...statistics.rows, statistics.total];

  function fitted(columns: StatsColumn[], narrowest: number): { text: string; fits: boolean } {
    const named = groups.map((column) => ({ ...column, narrowest }));
    const cut = fitColumns([...named, ...columns], rows, width);
    return { text: withRule(cut.columns, statistics, colors), fits: cut.fits };
  }

  // Two tables are better than one in which the names cannot be told apart.
  const single = fitted([...left, ...right], 24);
  if (single.fits) return single.text;
  return [left, right].map((columns) => fitted(columns, narrowestGroup).text).join("\n\n");
}

interface JsonRow {
  requests: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number | null;
  latency_ms: StatisticsRow["latencyMs"] | null;
  ttft_ms: StatisticsRow["ttftMs"] | null;
}

function jsonRow(row: StatisticsRow): JsonRow {
  return {
    requests: row.requests,
    errors: row.errors,
    prompt_tokens: row.promptTokens,
    completion_tokens: row.completionTokens,
    cost_usd: shownUsd(row.costUsd) ?? null,
    latency_ms: row.latencyMs ?? null,
    ttft_ms: row.ttftMs ?? null,
  };
}

export interface StatsJsonOptions {
  source: string;
  /** Epoch milliseconds. */
  since: number;
  by: Grouping;
  rows: readonly StatsRow[];
  total: StatisticsRow | undefined;
}

/** What `--json` prints; `null` = not known. */
export function statsJson({ source, since, by, rows, total }: StatsJsonOptions): unknown {
  return {
    source,
    since: new Date(since).toISOString(),
    by,
    rows: rows.map((row) => ({
      group: row.group,
      ...(by === "key" ? { name: row.name ?? null } : {}),
      ...jsonRow(row),
    })),
    total: total === undefined ? null : jsonRow(total),
  };
}

import type { ModelInfo } from "../routing/offered-models.ts";
import { fitColumns } from "./fit-columns.ts";
import { type Column, type Palette, table } from "./output.ts";
import { longestModel, shortModel } from "./short-model.ts";

function tokens(count: number | undefined): string {
  if (count === undefined) return "";
  if (count < 1000) return String(count);
  return count < 1_000_000 ? `${Math.round(count / 1000)}k` : `${Number((count / 1_000_000).toFixed(1))}M`;
}

function dollars(price: number | undefined): string {
  if (price === undefined) return "";
  return price === 0 ? "free" : `$${Number(price.toPrecision(3))}`;
}

function capabilityNames({ capabilities }: ModelInfo): string {
  return Object.entries(capabilities ?? {})
    .filter(([, has]) => has)
    .map(([name]) => name)
    .join(" ");
}

function upstreamOf(model: ModelInfo): string {
  return [model.provider, model.upstream_model].filter((part) => part !== undefined && part !== "").join(" / ");
}

export interface ModelsLayout {
  /** Columns of the terminal; Infinity where the output may be as wide as it needs. */
  width: number;
  colors: Palette;
}

/** Narrower names can hardly be told apart. */
const tellingWidth = 24;

/** One table where it fits into the width, else two below each other: upstreams, then sizes and prices. */
export function formatModels(models: readonly ModelInfo[], { width, colors }: ModelsLayout): string {
  const model: Column<ModelInfo> = {
    title: "MODEL",
    text: ({ id }) => id,
    maxWidth: longestModel,
    paint: () => colors.cyan,
  };
  const named: Column<ModelInfo> = { ...model, narrowest: tellingWidth };
  const upstream: Column<ModelInfo> = {
    title: "UPSTREAM",
    text: upstreamOf,
    maxWidth: longestModel,
    narrowest: tellingWidth,
  };
  const facts: Column<ModelInfo>[] = [
    { title: "CONTEXT", align: "right", text: ({ context_length }) => tokens(context_length) },
    { title: "MAX OUT", align: "right", text: ({ max_output_tokens }) => tokens(max_output_tokens) },
    { title: "IN/1M", align: "right", text: ({ pricing }) => dollars(pricing?.input_per_million_usd) },
    { title: "OUT/1M", align: "right", text: ({ pricing }) => dollars(pricing?.output_per_million_usd) },
    { title: "CAPABILITIES", text: capabilityNames },
  ];
  const single = fitColumns([named, upstream, ...facts], models, width);
  if (single.fits) return table(single.columns, models, colors);
  const short: Column<ModelInfo> = { ...model, narrowest: 10, shorten: shortModel };
  return [
    [named, upstream],
    [short, ...facts],
  ]
    .map((columns) => table(fitColumns(columns, models, width).columns, models, colors))
    .join("\n\n");
}

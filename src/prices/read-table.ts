import { setImmediate as breathe } from "node:timers/promises";
import { z } from "zod";
import type { TableMatch, TableModel, TableProvider, TableRates } from "./table-data.ts";

/** Dearer than anything that is sold: a price in another unit than it should be. */
const mostDollars = 10_000;
/** Shares of a provider's models that a new table may lose, and of which a price may have changed by this factor. */
const mostLost = 0.2;
const mostChanged = 0.1;
const wildChange = 20;
const mostRepetitions = 3;
/** Of fewer models none is a share. */
const fewModels = 5;

const dollars = z.number().min(0).max(mostDollars);
const text = z.string().min(1).max(300);

/** A regular expression that cannot take long for a name of any kind: no repeated groups, few repetitions. */
function isPattern(source: string): boolean {
  const repetitions = source.match(/(?<!\\)[*+]/g)?.length ?? 0;
  if (repetitions > mostRepetitions || /\)[*+{]/.test(source)) return false;
  try {
    return new RegExp(source).source !== "";
  } catch {
    return false;
  }
}

const pattern = text.refine(isPattern, { message: "is no plain regular expression" });

const match: z.ZodType<TableMatch> = z.lazy(() =>
  z.union([
    z.object({ or: z.array(match).min(1) }),
    z.object({ and: z.array(match).min(1) }),
    z.object({ equals: text }),
    z.object({ starts_with: text }),
    z.object({ ends_with: text }),
    z.object({ contains: text }),
    z.object({ regex: pattern }),
  ]),
);

const tiers = z.object({
  base: dollars,
  tiers: z.array(z.object({ start: z.number().int().min(0), price: dollars })).max(20),
});

const rates = z.record(text, z.union([dollars, tiers]));

const day = z.iso.date();
const time = z.string().regex(/^\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/);

const conditional = z.object({
  constraint: z.union([z.object({ start_date: day }), z.object({ start_time: time, end_time: time })]).optional(),
  prices: rates,
});

const model = z.object({
  id: text,
  match,
  prices: z.union([z.array(conditional).min(1), rates]),
});

const provider: z.ZodType<TableProvider> = z.object({
  id: text,
  api_pattern: pattern,
  models: z.array(model),
  fallback_model_providers: z.array(text).optional(),
});

/** A table that must not be used, and why, for people. */
export class TableError extends Error {}

function jsonOf(content: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new TableError("it is no JSON");
  }
  if (!Array.isArray(value)) throw new TableError("it is no list of providers");
  return value;
}

function placeOf(value: unknown, index: number): string {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
  return typeof id === "string" ? `provider ${id.slice(0, 60)}` : `provider ${index + 1}`;
}

function readProvider(value: unknown, index: number): TableProvider {
  const { data, error } = provider.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new TableError(
    `${placeOf(value, index)}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "cannot be read"}`,
  );
}

/** The newest price of input, as a number to compare. */
function inputRate({ prices }: TableModel): number | undefined {
  const newest: TableRates | undefined = Array.isArray(prices) ? prices.at(-1)?.prices : (prices as TableRates);
  const rate = newest?.["input_mtok"];
  return typeof rate === "object" ? rate.base : rate;
}

function isWild(before: TableModel, after: TableModel): boolean {
  const [old, fresh] = [inputRate(before), inputRate(after)];
  if (old === undefined || fresh === undefined || old === fresh || old === 0) return false;
  return fresh === 0 || fresh / old > wildChange || old / fresh > wildChange;
}

/** Throws where a provider has lost many of its models, or many of its prices are of another order. */
function compare(before: TableProvider, after: TableProvider | undefined): void {
  if (after === undefined || after.models.length === 0) throw new TableError(`provider ${before.id} is missing`);
  const fresh = new Map(after.models.map((one) => [one.id, one]));
  const kept = before.models.filter(({ id }) => fresh.has(id));
  const lost = before.models.length - kept.length;
  if (lost > fewModels && lost > before.models.length * mostLost)
    throw new TableError(`provider ${before.id} has lost ${lost} of ${before.models.length} models`);
  const wild = kept.filter((one) => isWild(one, fresh.get(one.id) ?? one)).length;
  if (wild > fewModels && wild > kept.length * mostChanged)
    throw new TableError(`${wild} prices of provider ${before.id} have changed by more than ${wildChange} times`);
}

/**
 * A price table from the text of its file, if it can stand for the one before. Throws TableError. Requests go on between two
 * providers: all of them at once would hold up the process.
 */
export async function readTable(content: string, before: readonly TableProvider[]): Promise<TableProvider[]> {
  const providers: TableProvider[] = [];
  for (const [index, value] of jsonOf(content).entries()) {
    providers.push(readProvider(value, index));
    await breathe();
  }
  const byId = new Map(providers.map((one) => [one.id, one]));
  if (byId.size < providers.length) throw new TableError("a provider stands in it twice");
  for (const old of before) compare(old, byId.get(old.id));
  return providers;
}

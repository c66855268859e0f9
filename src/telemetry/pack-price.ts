import { z } from "zod";
import type { PriceUsed } from "./request-record.ts";

const dollars = z.number().min(0);
const maybeDollars = dollars.nullish();
const source = z.enum(["config", "list", "table"]);

/** A price as JSON objects hold it, where `null` stands for what is not known. */
export const priceSchema = z.object({
  input: dollars.describe("US dollars for a million input tokens"),
  output: dollars,
  cacheRead: maybeDollars,
  cacheWrite: maybeDollars,
  reasoning: maybeDollars.describe("null = as output"),
  request: maybeDollars.describe("US dollars for each request"),
  source: source.describe("config, the upstream's list of models, or the price table"),
  asOf: z.string().describe("The day that the source is of"),
});

const packed = z.tuple([source, z.string(), dollars, dollars], maybeDollars);

/** A price as short JSON text, for there is one with each record: `["table","2026-09-23",3,15,0.3,3.75]`. */
export function priceText(price: PriceUsed): string {
  const { source: from, asOf, input, output, cacheRead, cacheWrite, reasoning, request } = price;
  const rates = [cacheRead, cacheWrite, reasoning, request];
  while (rates.length > 0 && rates.at(-1) === undefined) rates.pop();
  return JSON.stringify([from, asOf, input, output, ...rates]);
}

/** The price that was kept as text; `undefined` when the text is none. */
export function parsePrice(json: string): PriceUsed | undefined {
  try {
    const { data } = packed.safeParse(JSON.parse(json));
    if (data === undefined) return undefined;
    const [from, asOf, input, output, ...rates] = data;
    const [cacheRead, cacheWrite, reasoning, request] = rates.map((rate) => rate ?? undefined);
    return { input, output, cacheRead, cacheWrite, reasoning, request, source: from, asOf };
  } catch {
    return undefined;
  }
}

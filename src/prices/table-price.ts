import type { PriceUsed } from "../telemetry/request-record.ts";
import { type Price, priceOf, type Rates, usedPrice } from "./price.ts";
import type { TableConditional, TableConstraint, TableModel, TableRates } from "./table-data.ts";

/**
 * Prices of what the counts of an answer do not tell apart from text, and fees for tools that it may not have used. A model
 * keeps its price in spite of them; a record of a request that used them is short of their part.
 */
const besides = new Set([
  "cache_write_1h_mtok",
  "input_audio_mtok",
  "input_image_mtok",
  "input_video_mtok",
  "cache_audio_read_mtok",
  "cache_image_read_mtok",
  "cache_video_read_mtok",
  "web_searches_kcount",
  "storage_searches_kcount",
  "social_searches_kcount",
  "code_executions_kcount",
]);

const read = new Set([
  "input_mtok",
  "output_mtok",
  "cache_read_mtok",
  "cache_write_mtok",
  "output_reasoning_mtok",
  "requests_kcount",
]);

/** Models whose tokens are mostly no text: their text prices, alone or not, would be wrong for them. */
const notText = /(?:^|[-_./:])(?:audio|image|live|ocr|realtime|sonic|transcribe|tts|voice|whisper)(?=$|[-_./:\d])/i;
/** Models that have no output to charge for. */
const withoutOutput = /embed|rerank|^voyage-|(?:^|\/)bge-/i;

/** What the table calls a model, and what it was asked for as. */
type Names = readonly [string, string];

function rateAt(rates: TableRates, key: string, promptTokens: number): number | undefined {
  const rate = rates[key];
  if (rate === undefined || typeof rate === "number") return rate;
  let found = rate.base;
  let highest = -1;
  for (const { start, price } of rate.tiers) {
    if (promptTokens <= start || start <= highest) continue;
    found = price;
    highest = start;
  }
  return found;
}

function ratesAt(rates: TableRates, names: Names, promptTokens: number): Rates | undefined {
  const at = (key: string): number | undefined => rateAt(rates, key, promptTokens);
  const input = at("input_mtok");
  const output = at("output_mtok") ?? (names.some((name) => withoutOutput.test(name)) ? 0 : undefined);
  if (input === undefined || output === undefined) return undefined;
  const thousand = at("requests_kcount");
  return {
    input,
    output,
    cacheRead: at("cache_read_mtok"),
    cacheWrite: at("cache_write_mtok"),
    reasoning: at("output_reasoning_mtok"),
    request: thousand === undefined ? undefined : thousand / 1000,
  };
}

/** Prompt sizes from which on another price holds, ascending. */
function startsOf(rates: TableRates): number[] {
  const starts = Object.entries(rates).flatMap(([key, rate]) =>
    read.has(key) && typeof rate === "object" ? rate.tiers.map(({ start }) => start) : [],
  );
  return [...new Set(starts)].sort((left, right) => left - right);
}

function isReadable(names: Names, rates: TableRates): boolean {
  if (names.some((name) => notText.test(name))) return false;
  return Object.entries(rates).every(([key, rate]) => rate === undefined || read.has(key) || besides.has(key));
}

function priceIn(rates: TableRates, names: Names, asOf: string): Price | undefined {
  if (!isReadable(names, rates)) return undefined;
  const used = (promptTokens: number): PriceUsed | undefined => {
    const found = ratesAt(rates, names, promptTokens);
    return found && usedPrice(found, { source: "table", asOf });
  };
  const base = used(0);
  if (base === undefined) return undefined;
  const tiers = startsOf(rates).map((above) => ({ above, used: used(above + 1) ?? base }));
  return priceOf(base, tiers);
}

const dayMs = 86_400_000;

/** Milliseconds since midnight UTC of `16:30:00Z`. */
function timeOfDay(text: string): number {
  return (Date.parse(`1970-01-01T${text}`) + dayMs) % dayMs;
}

function holds({ start_date, start_time, end_time }: TableConstraint, now: number): boolean {
  if (start_date !== undefined) return now >= Date.parse(start_date);
  if (start_time === undefined || end_time === undefined) return false;
  const [time, start, end] = [now % dayMs, timeOfDay(start_time), timeOfDay(end_time)];
  return start <= end ? time >= start && time < end : time >= start || time < end;
}

/** What a model costs, by the moment: prices change on days that are known before, and with the hour of the day. */
export interface TableEntry {
  /** What the table calls it. */
  readonly id: string;
  /** `now` in epoch milliseconds; `undefined` = the table has no price that could be used. */
  priceAt(now: number): Price | undefined;
}

function isConditional(prices: TableModel["prices"]): prices is readonly TableConditional[] {
  return Array.isArray(prices);
}

/** What a model costs that was asked for as `name`. */
export function entryOf({ id, prices }: TableModel, name: string, asOf: string): TableEntry {
  const names: Names = [id, name];
  if (!isConditional(prices)) {
    const price = priceIn(prices, names, asOf);
    return { id, priceAt: () => price };
  }
  const priced = prices.map(({ constraint, prices: rates }) => ({ constraint, price: priceIn(rates, names, asOf) }));
  return {
    id,
    priceAt(now) {
      const found = priced.findLast(({ constraint }) => constraint === undefined || holds(constraint, now));
      return (found ?? priced[0])?.price;
    },
  };
}

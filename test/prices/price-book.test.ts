import { describe, expect, test } from "bun:test";
import { configSchema } from "../../src/config/schema.ts";
import { createPriceBook, type PricedTarget } from "../../src/prices/price-book.ts";
import { createPriceTable, type PriceTable } from "../../src/prices/price-table.ts";
import type { Rates } from "../../src/prices/price.ts";

const openai = { name: "openai", config: { type: "openai", baseUrl: "https://api.openai.com/v1" } } as const;
const azure = { name: "azure", config: { type: "azure", baseUrl: "https://x.openai.azure.com" } } as const;

function target(changes: Partial<PricedTarget> = {}): PricedTarget {
  return { upstream: openai, model: "gpt-4o", price: undefined, ...changes };
}

interface BookOptions {
  prices?: object;
  findListed?: (target: PricedTarget) => Rates | undefined;
  table?: PriceTable;
  now?: () => number;
}

function bookOf({ prices = {}, findListed = () => undefined, table = createPriceTable(), now }: BookOptions = {}) {
  const config = configSchema.parse({ prices }).prices;
  return createPriceBook({ config, table, findListed, ...(now === undefined ? {} : { now }) });
}

const now = (): number => Date.parse("2026-11-20T12:00:00Z");

function findListed(): Rates {
  return { input: 7, output: 8 };
}

describe("who says what a target costs", () => {
  const written = { input: 5, output: 6 };
  const override = { "openai/gpt-4o": { input: 1, output: 2, cacheRead: 0.5 } };

  test("first prices.models, then the target itself, then the upstream's list, then the table", () => {
    const priced = target({ price: written });
    expect(bookOf({ prices: { models: override }, findListed }).priceOf(priced)?.base).toMatchObject({
      input: 1,
      cacheRead: 0.5,
      source: "config",
    });
    expect(bookOf({ findListed }).priceOf(priced)?.base).toMatchObject({ input: 5, source: "config" });
    expect(bookOf({ findListed }).priceOf(target())?.base).toMatchObject({ input: 7, source: "list" });
    expect(bookOf().priceOf(target())?.base).toMatchObject({ input: 2.5, source: "table", asOf: "2026-09-23" });
    expect(bookOf().priceOf(target({ model: "gpt-unheard-of" }))).toBeUndefined();
  });

  test("the configuration and a list are of the day they were read", () => {
    const models = override;
    expect(bookOf({ prices: { models }, now }).priceOf(target())?.base.asOf).toBe("2026-11-20");
    expect(bookOf({ findListed, now }).priceOf(target())?.base.asOf).toBe("2026-11-20");
  });

  test("a name with a star fits by its longest text, and a name without goes before all", () => {
    const models = {
      "*/gpt-4o": { input: 1, output: 1 },
      "openai/*": { input: 2, output: 2 },
      "openai/gpt-4*": { input: 3, output: 3 },
      "openai/gpt-4o-mini": { input: 4, output: 4 },
      "or/*/gpt-5": { input: 5, output: 5 },
    };
    const book = bookOf({ prices: { models } });
    const inputOf = (model: string, name = "openai"): number | undefined =>
      book.priceOf(target({ model, upstream: { ...openai, name } }))?.input;
    expect([inputOf("gpt-4o"), inputOf("gpt-4o-mini"), inputOf("o3"), inputOf("gpt-4o", "other")]).toEqual([
      3, 4, 2, 1,
    ]);
    expect([inputOf("openai/gpt-5", "or"), inputOf("gpt-5", "or")]).toEqual([5, 1.25]);
  });

  test("whose prices a provider charges can be said", () => {
    const upstream = { name: "proxy", config: { type: "openai", baseUrl: "http://127.0.0.1:1/v1" } } as const;
    expect(bookOf().priceOf(target({ upstream }))).toBeUndefined();
    expect(bookOf({ prices: { providers: { proxy: "openai" } } }).priceOf(target({ upstream }))?.input).toBe(2.5);
  });

  test("an Azure deployment costs what its answer says it is", () => {
    const book = bookOf();
    const deployment = target({ upstream: azure, model: "gpt-4o" });
    expect(book.priceOf(deployment)?.input).toBe(2.5);
    expect(book.priceOf(deployment, "gpt-4o-mini-2024-07-18")?.input).toBe(0.15);
    expect(book.priceOf(deployment, "gpt-unheard-of")).toBeUndefined();
    expect(book.priceOf(target({ upstream: azure, model: "our-bot" }), "gpt-5-2025-08-07")?.input).toBe(1.25);
    // Elsewhere the name that was asked for is the one that is charged.
    expect(book.priceOf(target(), "gpt-4o-mini")?.input).toBe(2.5);
  });
});

describe("a price is one object, so that records share it", () => {
  test("however often it is asked for", () => {
    const listed = { input: 7, output: 8 };
    const ofTable = bookOf();
    const ofList = bookOf({ findListed: () => listed });
    const one = target();
    expect(ofTable.priceOf(one)).toBe(ofTable.priceOf(one));
    expect(ofTable.priceOf(one)).toBe(ofTable.priceOf(target()));
    expect(ofList.priceOf(one)).toBe(ofList.priceOf(target()));
  });

  test("until the list or the table is another one", () => {
    let listed: Rates | undefined = { input: 7, output: 8 };
    const table = createPriceTable();
    const book = bookOf({ table, findListed: () => listed });
    const one = target();
    expect(book.priceOf(one)?.input).toBe(7);
    listed = { input: 9, output: 8 };
    expect(book.priceOf(one)?.input).toBe(9);
    listed = undefined;
    expect(book.priceOf(one)?.input).toBe(2.5);
    const models = [{ id: "gpt-4o", match: { equals: "gpt-4o" }, prices: { input_mtok: 11, output_mtok: 1 } }];
    table.replace([{ id: "openai", api_pattern: "https://api", models }], {
      source: "https://x.test",
      asOf: "2026-12-01",
    });
    expect(book.priceOf(one)?.base).toMatchObject({ input: 11, asOf: "2026-12-01" });
  });

  test("and changes with the hour where the table says so", () => {
    let now = Date.parse("2026-11-20T02:00:00Z");
    const upstream = {
      name: "deepseek",
      config: { type: "deepseek", baseUrl: "https://api.deepseek.com/v1" },
    } as const;
    const book = bookOf({ now: () => now });
    const one = target({ upstream, model: "deepseek-v4-flash" });
    expect(book.priceOf(one)?.input).toBe(0.44);
    now = Date.parse("2026-11-20T05:00:00Z");
    expect(book.priceOf(one)?.input).toBe(0.22);
  });
});

/** Where the setting has its first mistake; `undefined` = it is sound. */
function issueOf(prices: object): string | undefined {
  return configSchema.safeParse({ prices }).error?.issues[0]?.path.join(".");
}

describe("the setting prices", () => {
  test("refuses a name without a provider, a negative price, and what is no address", () => {
    expect(issueOf({ models: { "gpt-4o": { input: 1, output: 1 } } })).toBe("prices.models.gpt-4o");
    expect(issueOf({ models: { "a/b": { input: -1, output: 1 } } })).toBe("prices.models.a/b.input");
    expect(issueOf({ models: { "a/b": { input: 1 } } })).toBe("prices.models.a/b.output");
    expect(issueOf({ models: { "a/b": { input: 1, output: 1, cached: 1 } } })).toBe("prices.models.a/b");
    expect(issueOf({ refresh: "ftp://example.com" })).toBe("prices.refresh");
    expect(issueOf({ refresh: "on" })).toBe("prices.refresh");
    expect(issueOf({ refresh: "https://example.com/data.json" })).toBeUndefined();
  });
});

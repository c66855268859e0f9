import { describe, expect, test } from "bun:test";
import { loadBundledTable } from "../../src/prices/bundled-table.ts";
import { readTable, TableError } from "../../src/prices/read-table.ts";
import type { TableModel, TableProvider } from "../../src/prices/table-data.ts";
import { knownTableNames } from "../../src/prices/table-provider.ts";

function model(id: string, input: number): TableModel {
  return { id, match: { equals: id }, prices: { input_mtok: input, output_mtok: 1 } };
}

function provider(changes: Partial<TableProvider> = {}): TableProvider {
  const models = Array.from({ length: 40 }, (_, index) => model(`m${index}`, 1));
  return { id: "openai", api_pattern: "https://api\\.openai\\.com", models, ...changes };
}

/** Why a table is refused; `undefined` = it is taken. */
async function refusal(table: unknown, before: readonly TableProvider[] = [provider()]): Promise<string | undefined> {
  try {
    await readTable(typeof table === "string" ? table : JSON.stringify(table), before);
    return undefined;
  } catch (error) {
    if (error instanceof TableError) return error.message;
    throw error;
  }
}

function withPrices(prices: unknown): unknown {
  return [{ ...provider(), models: [{ ...model("m0", 1), prices }, ...provider().models.slice(1)] }];
}

test("the table of the package is taken, in the words of its file", async () => {
  const bundled = knownTableNames.flatMap((name) => loadBundledTable().provider(name) ?? []);
  const text = JSON.stringify(bundled)
    .replaceAll(/"type":"(?:start_date|time_of_date)",?/g, "")
    .replaceAll(",}", "}");
  expect(text).toContain('"constraint":{"start_date"');
  const read = await readTable(text, bundled);
  expect(read.map(({ id, models }) => [id, models.length])).toEqual(
    bundled.map(({ id, models }) => [id, models.length]),
  );
});

describe("a file that cannot be right is refused, with the place of its mistake", () => {
  test.each([
    ["a page", "<html>", /no JSON/],
    ["an object", { openai: provider() }, /no list of providers/],
    ["an empty list", [], /provider openai is missing/],
    ["a provider without models", [provider({ models: [] })], /provider openai is missing/],
    ["a provider twice", [provider(), provider()], /twice/],
    [
      "an address that is no pattern",
      [{ ...provider(), api_pattern: "(" }],
      /provider openai: api_pattern: is no plain regular expression/,
    ],
    ["a provider without a name", [{ id: 7 }], /provider 1: id/],
    ["a negative price", withPrices({ input_mtok: -1, output_mtok: 1 }), /provider openai: models\.0/],
    [
      "a price for a token, or of nobody",
      withPrices({ input_mtok: 2_000_000, output_mtok: 1 }),
      /provider openai: models\.0/,
    ],
    ["a price that is a text", withPrices({ input_mtok: "3", output_mtok: 1 }), /provider openai: models\.0/],
    [
      "a tier that begins below nothing",
      withPrices({ input_mtok: { base: 1, tiers: [{ start: -1, price: 1 }] } }),
      /provider openai: models\.0/,
    ],
    [
      "a day that is none",
      withPrices([{ constraint: { start_date: "soon" }, prices: { input_mtok: 1 } }]),
      /provider openai: models\.0/,
    ],
    ["no prices at all", withPrices([]), /provider openai: models\.0/],
    [
      "a rule that nobody knows",
      [{ ...provider(), models: [{ ...model("m0", 1), match: { sounds_like: "m" } }] }],
      /provider openai: models\.0\.match/,
    ],
  ])("%s", async (_name, table, reason) => {
    expect(await refusal(table)).toMatch(reason);
  });
});

/** The usual table, with the first `count` prices so many times what they were. */
function times(factor: number, count: number): TableProvider {
  const { models } = provider();
  return provider({ models: models.map((one, index) => (index < count ? model(one.id, factor) : one)) });
}

describe("a table that lost or changed too much is refused", () => {
  const { models } = provider();

  test("one model in five may go", async () => {
    expect(await refusal([provider({ models: models.slice(8) })])).toBeUndefined();
    expect(await refusal([provider({ models: models.slice(9) })])).toBe("provider openai has lost 9 of 40 models");
  });

  test("of few models all but none may go", async () => {
    const few = provider({ models: models.slice(0, 5) });
    expect(await refusal([provider({ models: [model("new", 1)] })], [few])).toBeUndefined();
  });

  test("prices may change, but not most of them by the factor of another unit, nor to nothing", async () => {
    expect(await refusal([times(15, 40)])).toBeUndefined();
    expect(await refusal([times(1e-6, 5)])).toBeUndefined();
    expect(await refusal([times(1e-6, 6)])).toMatch(/6 prices of provider openai have changed by more than 20 times/);
    expect(await refusal([times(1000, 40)])).toMatch(/40 prices/);
    expect(await refusal([times(0, 40)])).toMatch(/40 prices/);
  });
});

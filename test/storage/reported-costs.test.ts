import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { readSqliteReportedCosts } from "../../src/storage/sqlite/read-file.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { somePrice } from "../support/some-price.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const usage = { input: 10, cacheRead: undefined, cacheWrite: undefined, output: 5, reasoning: 1 };

function reported(changes: Partial<RequestRecord> = {}): RequestRecord {
  return makeRecord({ costUsd: 0.25, costSource: "upstream", priceUsed: somePrice, usage, ...changes });
}

async function costsOf(records: readonly RequestRecord[], since = 0) {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  const store = openSqliteStore({ path, onWarning: () => undefined });
  await store.requests.insert(records);
  await store.close();
  return readSqliteReportedCosts(path, since);
}

test("requests alike are one row with their sums", async () => {
  expect(await costsOf([reported(), reported({ costUsd: 0.5 })])).toEqual([
    {
      provider: "openrouter",
      model: "openai/gpt-4o",
      requests: 2,
      reportedUsd: 0.75,
      price: somePrice,
      usage: { input: 20, cacheRead: 0, cacheWrite: 0, output: 10, reasoning: 2 },
    },
  ]);
});

test("another model, provider, price, or use of a cache is another row", async () => {
  const rows = await costsOf([
    reported(),
    reported({ modelServed: "other" }),
    reported({ provider: "claude" }),
    reported({ priceUsed: { ...somePrice, input: 4 } }),
    reported({ priceUsed: undefined }),
    reported({ usage: { ...usage, cacheRead: 5 } }),
    reported({ usage: { ...usage, cacheWrite: 5 } }),
    reported({ usage: { ...usage, output: undefined, reasoning: undefined } }),
  ]);
  expect(rows).toHaveLength(8);
  expect(rows.filter(({ price }) => price === undefined)).toHaveLength(1);
  expect(rows.filter((row) => row.usage === undefined)).toHaveLength(1);
});

test("embeddings have no output to count", async () => {
  const embedding = reported({ operation: "embeddings", usage: { ...usage, output: undefined, reasoning: undefined } });
  expect((await costsOf([embedding]))[0]?.usage).toMatchObject({ input: 10, output: 0 });
});

test("only what the upstream itself reported of a whole answer counts", async () => {
  const left = [
    reported({ costSource: "computed" }),
    reported({ costUsd: undefined, costSource: undefined }),
    reported({ usageSource: "partial_upstream" }),
    reported({ startedAt: 999 }),
  ];
  expect(await costsOf([...left, reported({ startedAt: 1000 })], 1000)).toMatchObject([{ requests: 1 }]);
});

test("a cost of the time before there was its source was reported", async () => {
  const [row] = await costsOf([reported({ costSource: undefined, priceUsed: undefined, modelServed: undefined })]);
  expect(row).toMatchObject({ model: "(none)", requests: 1, price: undefined });
});

test("one row comes of fifty thousand requests, quickly", () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  const store = openSqliteStore({ path, onWarning: () => undefined });
  void store.requests.insert([reported()]);
  void store.close();
  const database = new Database(path);
  const columns = database
    .query<{ name: string }, []>("SELECT name FROM pragma_table_info('requests')")
    .all()
    .map(({ name }) => (name === "id" ? "'r' || value" : name));
  database.run(
    `INSERT INTO requests WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 50000)
      SELECT ${columns.join(", ")} FROM requests, n`,
  );
  database.close();
  const from = performance.now();
  expect(readSqliteReportedCosts(path, 0)).toMatchObject([{ requests: 50_001 }]);
  expect(performance.now() - from).toBeLessThan(1000);
});

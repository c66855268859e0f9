// `bun scripts/proof/stats-speed.ts [--records 5000000] [--days 90]`: statistics of a really filled SQLite database.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { readSqliteStatistics } from "../../src/storage/sqlite/read-file.ts";
import { groupings, type StatisticsQuery } from "../../src/storage/store.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../../test/support/make-record.ts";
import { createRandom } from "../../test/support/random.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { type Checks, prove } from "./checks.ts";
import { median } from "./figures.ts";
import { numberOptions } from "./options.ts";

const options = numberOptions({ records: 5_000_000, days: 90 });
const mostMs = 100;
const rounds = 5;
const batchRows = 250;
const dayMs = 24 * 60 * 60 * 1000;
const end = Math.floor(Date.now() / 1000) * 1000;
const start = end - options.days * dayMs;

/** 60 keys, each with the few models it uses, at 20 models and 5 providers in all. */
function recordAt(index: number, random: () => number): RequestRecord {
  const key = Math.floor(random() ** 2 * 60);
  const model = (key * 7 + Math.floor(random() * 3)) % 20;
  return makeRecord({
    id: `req_${index.toString(36).padStart(24, "0")}`,
    startedAt: Math.floor(start + ((end - start) * index) / options.records),
    keyId: `key-${key}`,
    modelServed: `vendor/model-${model}`,
    provider: `provider-${model % 5}`,
    latencyMs: 50 * Math.exp(random() * 6),
    ttftMs: random() < 0.5 ? 20 * Math.exp(random() * 4) : undefined,
    costUsd: random() / 1000,
    endReason: random() < 0.02 ? "upstream_error" : "completed",
  });
}

async function fill(path: string): Promise<void> {
  const random = createRandom(1);
  const store = openSqliteStore({ path, onWarning: console.warn });
  const startedAt = performance.now();
  let batch: RequestRecord[] = [];
  for (let index = 0; index < options.records; index += 1) {
    batch.push(recordAt(index, random));
    if (batch.length < batchRows && index + 1 < options.records) continue;
    await store.requests.insert(batch);
    batch = [];
  }
  await store.close();
  const seconds = (performance.now() - startedAt) / 1000;
  const gibibytes = statSync(path).size / 2 ** 30;
  const speed = Math.round(options.records / seconds).toLocaleString("en-US");
  console.log(
    `        ${options.records} records in ${seconds.toFixed(0)} s (${speed}/s), ${gibibytes.toFixed(2)} GiB`,
  );
}

function spansOf(): Record<string, number> {
  // Not at a full hour: what lies before the first one is counted request by request.
  return { "all of it": 0, "30 days": end - 30 * dayMs, "24 hours": end - dayMs + 1234, "an hour": end - dayMs / 24 };
}

/** What is asked takes less than that, more often than not. */
async function proveQuick(ask: () => unknown): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const from = performance.now();
    await ask();
    times.push(performance.now() - from);
  }
  console.log(`        median ${median(times).toFixed(1)} ms, slowest ${Math.max(...times).toFixed(1)} ms`);
  assert(median(times) < mostMs);
}

async function proveSpeed(checks: Checks): Promise<void> {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "audit.db");
  await checks.check("the database is filled", () => fill(path));
  const store = openSqliteStore({ path, onWarning: console.warn });
  for (const [name, since] of Object.entries(spansOf())) {
    for (const by of [undefined, ...groupings]) {
      const query: StatisticsQuery = { since, by };
      await checks.check(`${name}, by ${by ?? "nothing"}, takes less than ${mostMs} ms`, () =>
        proveQuick(() => store.requests.statistics(query)),
      );
    }
    await checks.check(`${name}, of the busiest key for its holder, takes less than ${mostMs} ms`, () =>
      proveQuick(() => store.requests.keyTotals("key-0", since)),
    );
  }
  await checks.check("nothing is left out of the totals", async () => {
    const [all] = await store.requests.statistics({ since: 0, by: undefined });
    assert.equal(all?.requests, options.records);
    const [[read] = []] = readSqliteStatistics(path, [{ since: 0, by: undefined }]);
    assert.deepEqual(read, all);
  });
  await store.close();
}

process.exit(await prove(proveSpeed));

import { expect, test } from "bun:test";
import { createRequestRing } from "../../src/telemetry/request-ring.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { forSeeds } from "../lib/seeded.ts";
import { makeRecord } from "../support/make-record.ts";
import { failoverRecord, makeAttempt, makeTrail } from "../support/make-trail.ts";

const idsOf = (records: readonly RequestRecord[]): string[] => records.map(({ id }) => id);

test("a record is found by its id until as many newer ones came as the ring has places", () => {
  const ring = createRequestRing({ capacity: 3 });
  const records = Array.from({ length: 5 }, () => makeRecord());
  for (const record of records) ring.add(record);
  expect(records.map(({ id }) => ring.find(id) !== undefined)).toEqual([false, false, true, true, true]);
  expect(ring.find("req_unknown")).toBeUndefined();
  expect(idsOf(ring.newest(10))).toEqual(idsOf(records.slice(2).reverse()));
});

test("an empty ring has nothing, and says so", () => {
  const ring = createRequestRing();
  expect(ring.capacity).toBe(2000);
  expect(ring.find("req_a")).toBeUndefined();
  expect(ring.newest(5)).toEqual([]);
});

test("the newest come first, as many as wanted, of those that fit", () => {
  const ring = createRequestRing({ capacity: 100 });
  const records = Array.from({ length: 30 }, (_, index) => makeRecord({ status: index % 3 === 0 ? 503 : 200 }));
  for (const record of records) ring.add(record);
  const failed = records.filter(({ status }) => status === 503).reverse();
  expect(idsOf(ring.newest(4, ({ status }) => status === 503))).toEqual(idsOf(failed.slice(0, 4)));
  expect(ring.newest(0)).toEqual([]);
});

test("holds what a list of the last ones would hold, whatever comes", () => {
  forSeeds(60, (random) => {
    const capacity = 1 + random.below(20);
    const ring = createRequestRing({ capacity });
    const all: RequestRecord[] = [];
    for (let count = random.below(100); count > 0; count -= 1) {
      const record = makeRecord();
      all.push(record);
      ring.add(record);
      expect(idsOf(ring.newest(1000))).toEqual(idsOf(all.slice(-capacity).reverse()));
    }
  });
});

test("long texts push out older records before the places are used up", () => {
  const ring = createRequestRing({ capacity: 2000, mostCharacters: 200_000 });
  for (let count = 0; count < 100; count += 1) ring.add(makeRecord({ assistantText: "x".repeat(9000) }));
  expect(ring.newest(2000).length).toBeWithin(15, 23);
  for (let count = 0; count < 100; count += 1) ring.add(makeRecord({ assistantText: undefined }));
  expect(ring.newest(2000).length).toBeGreaterThan(100);
});

test("a record too large for the ring is kept without what was said", () => {
  const ring = createRequestRing({ mostCharacters: 1_000_000 });
  const small = makeRecord();
  const name = "m".repeat(80_000);
  const attempts = [makeAttempt({ model: name, cause: name })];
  ring.add(small);
  ring.add(failoverRecord({ modelAsked: name, userText: name, trail: makeTrail({ model: name, attempts }) }));
  const [kept] = ring.newest(1);
  expect(kept).toMatchObject({ status: 200, attempts: 3, userText: undefined, assistantText: undefined });
  expect(JSON.stringify(kept).length).toBeLessThan(20_000);
  expect(kept?.trail?.attempts).toHaveLength(1);
  expect(ring.find(small.id)).toBeDefined();
});

test("texts that were cut from longer ones do not keep those in memory", () => {
  const ring = createRequestRing();
  const megabyte = 1_000_000;
  const count = 200;
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  for (let index = 0; index < count; index += 1) {
    const cut = (): string => Buffer.alloc(megabyte, 120).toString("latin1").slice(0, 100);
    const trail = makeTrail({ attempts: [makeAttempt({ outcome: "upstream_error", cause: cut() })] });
    ring.add(makeRecord({ userText: cut(), assistantText: cut(), errorMessage: cut(), trail }));
    if (index % 10 === 0) Bun.gc(true);
  }
  Bun.gc(true);
  expect(ring.newest(1)[0]?.userText).toBe("x".repeat(100));
  expect(process.memoryUsage().rss - before).toBeLessThan((count * megabyte) / 4);
});

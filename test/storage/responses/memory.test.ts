import { expect, test } from "bun:test";
import { historyOf } from "../../../src/storage/responses/history.ts";
import { createMemoryResponseStore } from "../../../src/storage/responses/memory.ts";
import { describeResponseStore, makeChain, makeEntry } from "./conformance.ts";

describeResponseStore("responses in memory", (options) => ({
  store: createMemoryResponseStore(options),
  dispose: () => undefined,
}));

test("a conversation that goes on keeps all its links, however old the first ones are", () => {
  let time = 1_000_000_000_000;
  const store = createMemoryResponseStore({ ttlMs: 1000, now: () => time });
  const chain = makeChain(10, { createdAt: time });
  for (const entry of chain) {
    if (entry.previousId !== undefined) expect(historyOf(store, entry.previousId, "team-a")).toBeDefined();
    store.save(entry);
    time += 900;
  }
  expect(historyOf(store, chain[9]?.id ?? "", "team-a")).toHaveLength(20);
});

test("what was looked at last stays longest", () => {
  const store = createMemoryResponseStore({ maxBytes: 35_000 });
  const entries = Array.from({ length: 3 }, () => makeEntry({ input: ["x".repeat(10_000)] }));
  for (const entry of entries) store.save(entry);
  store.find(entries[0]?.id ?? "");
  store.save(makeEntry({ input: ["x".repeat(10_000)] }));
  expect(entries.map(({ id }) => store.find(id) !== undefined)).toEqual([true, false, true]);
});

test("without settings it holds 64 MiB for an hour", () => {
  let time = 1_000_000_000_000;
  const store = createMemoryResponseStore({ now: () => time });
  const entries = Array.from({ length: 70 }, () => makeEntry({ input: ["x".repeat(1024 * 1024)] }));
  for (const entry of entries) store.save(entry);
  const kept = entries.filter(({ id }) => store.find(id) !== undefined);
  expect(kept).toHaveLength(63);
  time += 60 * 60 * 1000 + 1;
  expect(kept.filter(({ id }) => store.find(id) !== undefined)).toEqual([]);
});

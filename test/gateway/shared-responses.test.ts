import { expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { createMemoryCoordination } from "../../src/coordination/memory/memory-coordination.ts";
import { createSharedResponses } from "../../src/gateway/shared-responses.ts";
import { createStoredResponses } from "../../src/gateway/stored-responses.ts";
import { GatewayError } from "../../src/errors.ts";
import { historyOf } from "../../src/storage/responses/history.ts";
import type { ResponseEntry, ResponseStore } from "../../src/storage/responses/response-store.ts";
import { makeChain, makeEntry } from "../storage/responses/conformance.ts";

interface Joining {
  readonly changes?: Partial<Coordinator>;
  readonly maxBytes?: number;
}

function join(meeting = createMemoryCoordination(), { changes, ...bounds }: Joining = {}) {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  return { store: createSharedResponses({ ...meeting.join(), ...changes }, { ...bounds, onWarning }), warnings };
}

/** Which of these another gateway finds. */
async function found(store: ResponseStore, entries: readonly ResponseEntry[]): Promise<ResponseEntry[]> {
  await store.bring?.(entries.map(({ id }) => id));
  return entries.filter(({ id }) => store.find(id) !== undefined);
}

function away(): Promise<never> {
  return Promise.reject(new GatewayError({ code: "overloaded", status: 503, message: "It is away.", retryable: true }));
}

test("a conversation that began at one gateway goes on at another", async () => {
  const meeting = createMemoryCoordination();
  const [first, second] = [join(meeting).store, join(meeting).store];
  const chain = makeChain(5);
  for (const entry of chain) first.save(entry);
  const last = chain.at(-1);
  if (last === undefined) throw new Error("The chain is empty");
  await first.close();
  expect(second.find(last.id)).toBeUndefined();
  await second.bring?.([last.id]);
  expect(second.find(last.id)).toMatchObject({ response: last.response, createdAt: last.createdAt });
  expect(historyOf(second, last.id, "team-a")).toEqual(chain.flatMap(({ input, output }) => [...input, ...output]));
  expect(historyOf(second, last.id, "team-b")).toBeUndefined();
});

test("what is deleted at one gateway is not brought by another", async () => {
  const meeting = createMemoryCoordination();
  const [first, second] = [join(meeting).store, join(meeting).store];
  const entry = makeEntry();
  first.save(entry);
  await Bun.sleep(0);
  await first.delete(entry.id);
  await second.bring?.([entry.id]);
  expect(second.find(entry.id)).toBeUndefined();
});

test("a store that cannot be reached, or holds something else, loses nothing but the response", async () => {
  const gone = join(undefined, { changes: { decide: away } });
  const entry = makeEntry();
  gone.store.save(entry);
  expect(gone.store.find(entry.id)).toMatchObject({ id: entry.id });
  await gone.store.bring?.(["resp_unknown"]);
  const deleted = Promise.resolve(gone.store.delete(entry.id));
  expect(await deleted.catch((error: unknown) => error)).toMatchObject({ status: 503 });
  expect(gone.warnings.join()).toContain("It is away.");
  await gone.store.close();
  const meeting = createMemoryCoordination();
  const odd = { shelf: "responses", ttlMs: 60_000, maxBytes: 10_000 };
  await meeting.join().decide("shelf.put", { ...odd, id: "resp_short", text: "{}" });
  await meeting.join().decide("shelf.put", { ...odd, id: "resp_odd", text: "{}\n[]\n[]\n{}" });
  const { store, warnings } = join(meeting);
  await store.bring?.(["resp_short", "resp_odd"]);
  expect([store.find("resp_short"), store.find("resp_odd")]).toEqual([undefined, undefined]);
  expect(warnings).toHaveLength(2);
});

test("responses of all gateways together have one bound in bytes, and the oldest go first", async () => {
  const meeting = createMemoryCoordination();
  const maxBytes = 50_000;
  const [first, second, third] = [1, 2, 3].map(() => join(meeting, { maxBytes }).store);
  if (first === undefined || second === undefined || third === undefined) throw new Error("Three have joined");
  const entries = Array.from({ length: 30 }, () => makeEntry({ input: ["é".repeat(2000)] }));
  for (const [at, entry] of entries.entries()) {
    (at % 2 === 0 ? first : second).save(entry);
    await Bun.sleep(0);
  }
  const kept = await found(third, entries);
  expect(kept).toEqual(entries.slice(-kept.length));
  const bytes = kept.reduce((sum, { id }) => sum + (third.find(id)?.bytes ?? 0), 0);
  expect(bytes).toBeLessThanOrEqual(maxBytes);
  expect(bytes).toBeGreaterThan(44_000);
});

test("a response larger than the bound is not kept, and pushes nothing out", async () => {
  const meeting = createMemoryCoordination();
  const { store, warnings } = join(meeting, { maxBytes: 10_000 });
  const [small, huge] = [makeEntry(), makeEntry({ output: ["x".repeat(20_000)] })];
  store.save(small);
  store.save(huge);
  await store.close();
  expect(store.find(huge.id)).toBeUndefined();
  expect(await found(join(meeting).store, [small, huge])).toEqual([small]);
  expect(warnings).toEqual([]);
});

test("a response that is deleted gives its bytes back", async () => {
  const meeting = createMemoryCoordination();
  const { store } = join(meeting, { maxBytes: 35_000 });
  const entries = Array.from({ length: 10 }, () => makeEntry({ input: ["x".repeat(10_000)] }));
  for (const [at, entry] of entries.entries()) {
    store.save(entry);
    await Bun.sleep(0);
    if (at % 5 !== 0) await store.delete(entry.id);
  }
  expect(await found(join(meeting).store, entries)).toEqual(entries.filter((_, at) => at % 5 === 0));
});

test("gateways tell each other whose a response is that an upstream keeps", async () => {
  const meeting = createMemoryCoordination();
  const responsesOf = () => createStoredResponses(undefined, { hasManyKeys: true, others: meeting.join() });
  const [first, second] = [responsesOf(), responsesOf()];
  first.claim("resp_upstream", "team-a");
  await Promise.resolve();
  expect(second.mayAsk("resp_upstream", "team-a")).toBe(true);
  expect(second.mayAsk("resp_upstream", "team-b")).toBe(false);
  expect(second.mayAsk("resp_other", "team-a")).toBe(false);
});

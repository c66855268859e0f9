import { expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { createMemoryCoordination } from "../../src/coordination/memory/memory-coordination.ts";
import { createSharedResponses } from "../../src/gateway/shared-responses.ts";
import { createStoredResponses } from "../../src/gateway/stored-responses.ts";
import { GatewayError } from "../../src/errors.ts";
import { historyOf } from "../../src/storage/responses/history.ts";
import { makeChain, makeEntry } from "../storage/responses/conformance.ts";

function join(meeting = createMemoryCoordination(), changes: Partial<Coordinator> = {}) {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  return { store: createSharedResponses({ ...meeting.join(), ...changes }, { onWarning }), warnings };
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
  const gone = join(undefined, { get: away, set: away });
  const entry = makeEntry();
  gone.store.save(entry);
  expect(gone.store.find(entry.id)).toMatchObject({ id: entry.id });
  await gone.store.bring?.(["resp_unknown"]);
  const deleted = Promise.resolve(gone.store.delete(entry.id));
  expect(await deleted.catch((error: unknown) => error)).toMatchObject({ status: 503 });
  expect(gone.warnings.join()).toContain("It is away.");
  await gone.store.close();
  const odd = join(undefined, { get: () => Promise.resolve("{}") });
  await odd.store.bring?.(["resp_odd"]);
  expect(odd.store.find("resp_odd")).toBeUndefined();
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

import { describe, expect, test } from "bun:test";
import { createAdminDocuments } from "../../../src/admin/documents.ts";
import { createKeys } from "../../../src/admin/keys.ts";
import type { BudgetLease } from "../../../src/limits/budget-lease.ts";
import { createMemoryAudit, createMemoryDocuments } from "../../support/memory-documents.ts";
import {
  type KeyHouse,
  type KeyStore,
  noRequests,
  openKeyStore,
  startKeyHouse,
  startWithoutStore,
} from "../../support/key-house.ts";

async function issue(house: KeyHouse, fields: object = {}): Promise<{ id: string; key: string }> {
  const { body } = await house.ask("POST", "/api/keys", { name: "x", ...fields });
  return body as unknown as { id: string; key: string };
}

test("a key made, disabled or deleted at one gateway is so at the others after their next look", async () => {
  using database = openKeyStore();
  using first = await startKeyHouse({ store: database.store });
  using second = await startKeyHouse({ store: database.store });
  const { id, key } = await issue(first);
  const status = async (): Promise<number> => {
    await second.look();
    return (await second.ask("GET", "/api/me", undefined, key)).status;
  };
  expect(await status()).toBe(200);
  await first.ask("PATCH", `/api/keys/${id}`, { enabled: false });
  expect(await status()).toBe(401);
  await first.ask("PATCH", `/api/keys/${id}`, { enabled: true });
  expect(await status()).toBe(200);
  await first.ask("DELETE", `/api/keys/${id}`);
  expect(await status()).toBe(401);
});

test("a database that is recovered to a point in time counts at once, and so do revocations after it", async () => {
  const documents = createMemoryDocuments();
  const store: KeyStore = { documents, audit: createMemoryAudit(), requests: noRequests };
  using first = await startKeyHouse({ store });
  using second = await startKeyHouse({ store });
  const kept = await issue(first);
  const setBack = documents.saved();
  const later = await issue(first);
  for (let count = 0; count < 5; count += 1)
    await first.ask("PATCH", `/api/keys/${kept.id}`, { enabled: count % 2 === 1 });
  const statuses = async (): Promise<number[]> => {
    const found: number[] = [];
    for (const house of [first, second]) {
      await house.look();
      for (const { key } of [kept, later]) found.push((await house.ask("GET", "/api/me", undefined, key)).status);
    }
    return found;
  };
  expect(await statuses()).toEqual([401, 200, 401, 200]);
  setBack();
  expect(await statuses()).toEqual([200, 401, 200, 401]);
  expect((await first.ask("DELETE", `/api/keys/${kept.id}`)).status).toBeLessThan(300);
  expect(await statuses()).toEqual([401, 401, 401, 401]);
});

test("a gateway that starts later knows all keys, and their budgets", async () => {
  using database = openKeyStore();
  using first = await startKeyHouse({ store: database.store });
  const { id, key } = await issue(first, { budgets: [{ usd: 3, window: "day" }] });
  const owner = { kind: "key" as const, id, budgets: first.book.key(id)?.budgets ?? [] };
  const lease = first.budgets.reserve([owner], { usd: 2, ttlMs: 1000 });
  if ("settle" in lease) lease.settle(1.25);
  await first.budgets.flush();
  using second = await startKeyHouse({ store: database.store });
  const { body } = await second.ask("GET", "/api/me", undefined, key);
  expect(body).toMatchObject({ key: { spending: [{ usd: 3, spentUsd: 1.25 }] } });
});

test("whoever hears of a budget that is put on a key, or has another time zone, knows what is spent of it", async () => {
  using database = openKeyStore();
  const requests: KeyStore["requests"] = {
    keyTotals: async (key, since) => ({ ...(await noRequests.keyTotals(key, since)), costUsd: 6 }),
  };
  using first = await startKeyHouse({ store: { ...database.store, requests } });
  using second = await startKeyHouse({ store: database.store });
  using third = await startKeyHouse({ store: database.store });
  const { id, key } = await issue(first);
  for (const timeZone of ["UTC", "Europe/Berlin", "Asia/Tokyo"]) {
    await first.ask("PATCH", `/api/keys/${id}`, { budgets: [{ usd: 5, window: "month", timeZone }] });
    for (const other of [second, third]) {
      await other.look();
      const { body } = await other.ask("GET", "/api/me", undefined, key);
      expect(body).toMatchObject({ key: { spending: [{ timeZone, spentUsd: 6 }] } });
      await other.budgets.flush();
    }
  }
});

async function spendAt(house: KeyHouse, id: string): Promise<BudgetLease> {
  await house.look();
  const owner = { kind: "key" as const, id, budgets: house.book.key(id)?.budgets ?? [] };
  const lease = house.budgets.reserve([owner], { usd: 2, ttlMs: 60_000 });
  if ("settle" in lease) return lease;
  throw new Error("There is no room");
}

describe("what a deleted key has spent", () => {
  test("is forgotten at all gateways, also by those that still have requests of it at work", async () => {
    using database = openKeyStore();
    const { documents } = database.store;
    using first = await startKeyHouse({ store: database.store });
    using second = await startKeyHouse({ store: database.store });
    using third = await startKeyHouse({ store: database.store });
    const budgets = [{ usd: 50, window: "day" }];
    const { id } = await issue(first, { budgets });
    const leases = [await spendAt(first, id), await spendAt(second, id), await spendAt(second, id)];
    for (const house of [first, second]) await house.budgets.flush();
    await third.look();
    await first.ask("DELETE", `/api/keys/${id}`);
    const [mine, beforeNews, afterNews] = leases;
    mine?.settle(1);
    beforeNews?.settle(1);
    for (const house of [first, second]) await house.budgets.flush();
    expect(await documents.list("spending")).toHaveLength(1);
    for (const house of [second, third]) await house.look();
    afterNews?.settle(1);
    for (const house of [first, second, third]) {
      await house.budgets.close();
      await house.look();
      const owner = { kind: "key" as const, id, budgets: [{ usd: 50, window: "day" as const }] };
      expect([house.budgets.view(owner)[0]?.spentUsd, await documents.list("spending")]).toEqual([0, []]);
    }
  });

  test("is removed by whoever finds it, where the gateway that deleted the key did not come to it", async () => {
    using database = openKeyStore();
    const { documents } = database.store;
    using first = await startKeyHouse({ store: database.store });
    const { id } = await issue(first, { budgets: [{ usd: 50, window: "day" }] });
    (await spendAt(first, id)).settle(2);
    await first.budgets.flush();
    await documents.remove({ kind: "key", id });
    using second = await startKeyHouse({ store: database.store });
    await second.budgets.close();
    expect(await documents.list("spending")).toEqual([]);
  });

  test("does not keep the next budget of the same id from being stored, when an import brings that back", async () => {
    using database = openKeyStore();
    const { documents } = database.store;
    using first = await startKeyHouse({ store: database.store });
    using second = await startKeyHouse({ store: database.store });
    const { id } = await issue(first, { budgets: [{ usd: 50, window: "day" }] });
    const kept = await documents.get("key", id);
    await first.ask("DELETE", `/api/keys/${id}`);
    await second.look();
    await documents.put({ kind: "key", id, value: kept?.value });
    for (const house of [first, second]) {
      (await spendAt(house, id)).settle(2);
      await house.budgets.flush();
    }
    await first.look();
    const owner = { kind: "key" as const, id, budgets: first.book.key(id)?.budgets ?? [] };
    expect(first.budgets.view(owner)).toMatchObject([{ spentUsd: 4 }]);
  });
});

test("what a key had spent comes back with it from a database that is set back to before it was deleted", async () => {
  const { store, documents } = fragileStore();
  using first = await startKeyHouse({ store });
  using second = await startKeyHouse({ store });
  const { id } = await issue(first, { budgets: [{ usd: 50, window: "day" }] });
  (await spendAt(first, id)).settle(9);
  await first.budgets.flush();
  // A page of changes later.
  for (let at = 0; at < 1000; at += 1) await documents.put({ kind: "other", id: `other_${at}`, value: {} });
  await first.ask("PATCH", `/api/keys/${id}`, { rpm: 5 });
  await second.look();
  const setBack = documents.saved();
  await first.ask("DELETE", `/api/keys/${id}`);
  for (const house of [first, second]) await house.look();
  setBack();
  for (const house of [first, second]) {
    await house.look();
    await house.budgets.close();
    const owner = { kind: "key" as const, id, budgets: house.book.key(id)?.budgets ?? [] };
    expect(house.budgets.view(owner)).toMatchObject([{ spentUsd: 9 }]);
    expect(await documents.list("spending")).toHaveLength(1);
  }
});

test("two that change a key at the same time lose no change", async () => {
  using database = openKeyStore();
  using first = await startKeyHouse({ store: database.store });
  using second = await startKeyHouse({ store: database.store });
  const { id } = await issue(first);
  await second.look();
  const answers = await Promise.all([
    first.ask("PATCH", `/api/keys/${id}`, { rpm: 1 }),
    second.ask("PATCH", `/api/keys/${id}`, { tpm: 2 }),
    second.ask("PATCH", `/api/keys/${id}`, { concurrency: 3 }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  for (const house of [first, second]) {
    await house.look();
    expect(house.book.key(id)).toMatchObject({ rpm: 1, tpm: 2, concurrency: 3 });
  }
});

test("a key may belong to a team that another gateway has just made", async () => {
  using database = openKeyStore();
  using first = await startKeyHouse({ store: database.store });
  using second = await startKeyHouse({ store: database.store });
  const team = String((await first.ask("POST", "/api/teams", { name: "new" })).body["id"]);
  const { id, key } = await issue(second, { teamId: team });
  expect(second.book.key(id)?.teamId).toBe(team);
  expect((await second.ask("GET", "/api/me", undefined, key)).status).toBe(200);
});

interface Fragile {
  store: KeyStore;
  documents: ReturnType<typeof createMemoryDocuments>;
  audit: ReturnType<typeof createMemoryAudit>;
}

function fragileStore(): Fragile {
  const [documents, audit] = [createMemoryDocuments(), createMemoryAudit()];
  return { documents, audit, store: { documents, audit, requests: noRequests } };
}

test("a store that is gone shuts nobody out, and says so to whoever wants a change", async () => {
  const { store, documents } = fragileStore();
  using house = await startKeyHouse({ store });
  const { id, key } = await issue(house);
  for (const fault of ["down", "frozen"] as const) {
    documents.fault = fault;
    void house.look();
    expect((await house.ask("GET", "/api/me", undefined, key)).status).toBe(200);
    expect((await house.ask("GET", `/api/keys/${id}`)).status).toBe(200);
  }
  documents.fault = "down";
  const refused = await house.ask("PATCH", `/api/keys/${id}`, { rpm: 1 });
  expect(refused.status).toBe(503);
  expect(house.book.key(id)?.rpm).toBeUndefined();
});

test("until the database was read nothing is said not to be there", async () => {
  const documents = createMemoryDocuments();
  const store = { documents, audit: createMemoryAudit(), requests: noRequests };
  using before = await startKeyHouse({ store });
  const { id } = await issue(before);
  documents.fault = "down";
  using house = await startKeyHouse({ store });
  const paths = ["/api/keys", `/api/keys/${id}`, "/api/teams", "/api/teams/team_1", "/api/users", "/api/users/user_1"];
  for (const path of paths) {
    const { status, body, headers } = await house.ask("GET", path);
    expect([path, status, headers.get("retry-after")]).toEqual([path, 503, "1"]);
    expect(JSON.stringify(body)).toContain("not loaded yet");
  }
  documents.fault = undefined;
  await house.look();
  expect((await house.ask("GET", `/api/keys/${id}`)).status).toBe(200);
  expect((await house.ask("GET", "/api/users/user_1")).status).toBe(404);
  documents.fault = "down";
  expect((await house.ask("GET", "/api/keys")).body["data"]).toMatchObject([{ id }]);
});

test("a change whose answer was lost is found again, and its key told", async () => {
  const { store, documents } = fragileStore();
  using house = await startKeyHouse({ store });
  documents.fault = "lost-answers";
  documents.get = async (kind, id) => {
    documents.fault = undefined;
    return (await documents.list(kind)).find((one) => one.id === id);
  };
  const { id, key } = await issue(house);
  expect(house.book.find(key)?.id).toBe(id);
});

test("what could not be written to the audit log is written later, once and in order", async () => {
  const { store, audit } = fragileStore();
  using house = await startKeyHouse({ store });
  audit.isDown = true;
  const { id } = await issue(house);
  await house.ask("PATCH", `/api/keys/${id}`, { rpm: 1 });
  expect([audit.entries.length, house.told.filter((text) => text.includes("audit log")).length]).toEqual([0, 1]);
  audit.isDown = false;
  await house.ask("DELETE", `/api/keys/${id}`);
  await house.admin.flush();
  expect(audit.entries.map(({ action }) => action)).toEqual(["key.create", "key.update", "key.delete"]);
});

test("without a database everything says that one is needed, and which setting names it", async () => {
  using house = startWithoutStore();
  expect(house.routes.length).toBeGreaterThan(15);
  // Whoever the configuration names can log in all the same; pages are no answers of the API.
  const changing = house.routes.filter(({ path }) => !/^\/(?:api\/auth|dashboard)\//.test(path));
  for (const { method, path } of changing) {
    const body = method === "GET" || method === "DELETE" ? undefined : {};
    const answer = await house.ask(method, path.replace(":id", "key_1"), body);
    expect([path, answer.status]).toEqual([path, 409]);
    expect(JSON.stringify(answer.body)).toContain("set storage.url (OR_DB_PATH=data/orcestator.db, or DATABASE_URL)");
  }
});

test("no more keys are issued than have room", async () => {
  const { store } = fragileStore();
  using house = await startKeyHouse({ store });
  const keys = createKeys({
    book: house.book,
    budgets: house.budgets,
    beginBudgets: house.admin.beginBudgets,
    documents: createAdminDocuments({ documents: store.documents, onChange: (change) => house.book.apply(change) }),
    trail: { tell: () => Promise.resolve(), pending: () => 0, flush: () => Promise.resolve() },
    now: Date.now,
    most: 2,
  });
  const by = { actor: "admin", address: undefined };
  for (const name of ["one", "two"]) await keys.create({ name, enabled: true }, by);
  expect(keys.create({ name: "three", enabled: true }, by)).rejects.toThrow("There are 2 keys here");
});

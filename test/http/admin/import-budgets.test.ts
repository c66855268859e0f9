import { expect, test } from "bun:test";
import { join } from "node:path";
import { spendingKind } from "../../../src/limits/budget-document.ts";
import { budgetOwner } from "../../../src/limits/budget-owner.ts";
import type { Store } from "../../../src/storage/store.ts";
import { type ConfigHouse, startConfigHouse } from "../../support/config-house.ts";
import { until } from "../../support/e2e.ts";
import { openKeyStore } from "../../support/key-house.ts";
import { makeRecord } from "../../support/make-record.ts";
import { outOfReach } from "../../support/memory-documents.ts";
import { openTwice } from "../../support/open-twice.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const file = "providers: { filed: { type: dummy } }";
const by = { actor: "admin", address: undefined };
const budgets = [{ usd: 10, window: "day" as const }];

interface Export {
  readonly keys: readonly { id: string; value: object }[];
  readonly teams: readonly { id: string; value: object }[];
}

function knownAt({ virtualKeys }: ConfigHouse) {
  if (virtualKeys === undefined) throw new Error("This house has a database.");
  return virtualKeys;
}

async function exported(house: ConfigHouse): Promise<Export> {
  const { body } = await house.ask("GET", "/api/config/export?include=keys");
  return { keys: body["keys"] as Export["keys"], teams: body["teams"] as Export["teams"] };
}

async function importing(house: ConfigHouse, kept: Partial<Export>): Promise<number> {
  return (await house.ask("POST", "/api/config/import?include=keys", { config: {}, ...kept })).status;
}

const spent = (store: Store, keyId: string, costUsd: number) =>
  store.requests.insert([makeRecord({ keyId, startedAt: Date.now(), costUsd })]);

/** US dollars of all budgets that an owner has, as a gateway knows it. */
function spentOf(house: ConfigHouse, kind: "key" | "team", id: string): number[] | undefined {
  const { book, budgets: known } = knownAt(house);
  const owner = budgetOwner(kind, kind === "key" ? book.key(id) : book.team(id));
  return owner && known.view(owner).map(({ spentUsd }) => spentUsd);
}

const withMore = (kept: Export["keys"], more: object) =>
  kept.map(({ id, value }) => ({ id, value: { ...value, ...more } }));

/** A key and its team that have spent, and are then deleted. */
async function deleted(house: ConfigHouse, store: Store): Promise<{ key: string; team: string; kept: Export }> {
  const { keys, teams } = knownAt(house).admin;
  const team = await teams.create({ name: "t", budgets }, by);
  const [one, other] = [
    await keys.create({ name: "one", enabled: true, teamId: team.id, budgets }, by),
    await keys.create({ name: "other", enabled: true, teamId: team.id }, by),
  ];
  await spent(store, one.id, 6);
  await spent(store, other.id, 1);
  const kept = await exported(house);
  for (const { id } of [one, other]) await keys.remove(id, by);
  await teams.remove(team.id, by);
  return { key: one.id, team: team.id, kept };
}

test("a key and a team that are deleted and imported go on with what they had spent, also after a restart", async () => {
  using database = openKeyStore();
  const { store } = database;
  using house = await startConfigHouse({ store, file });
  const { key, team, kept } = await deleted(house, store);
  expect(await importing(house, kept)).toBe(200);
  expect([spentOf(house, "key", key), spentOf(house, "team", team)]).toEqual([[6], [7]]);
  using next = await startConfigHouse({ store, file });
  expect([spentOf(next, "key", key), spentOf(next, "team", team)]).toEqual([[6], [7]]);
});

test("a budget that an import puts on begins with what was spent, and one that was there stays as it is", async () => {
  using database = openKeyStore();
  const { store } = database;
  using house = await startConfigHouse({ store, file });
  const { keys, teams } = knownAt(house).admin;
  const team = await teams.create({ name: "t" }, by);
  const { id } = await keys.create({ name: "k", enabled: true, teamId: team.id, budgets }, by);
  await spent(store, id, 4);
  const { keys: keysThere, teams: teamsThere } = await exported(house);
  const week = { usd: 50, window: "week" as const };
  const kept = {
    keys: withMore(keysThere, { budgets: [...budgets, week] }),
    teams: withMore(teamsThere, { budgets }),
  };
  expect(await importing(house, kept)).toBe(200);
  expect([spentOf(house, "key", id), spentOf(house, "team", team.id)]).toEqual([[0, 4], [4]]);
});

test("a key is not imported while nobody can tell what it has spent", async () => {
  using database = openKeyStore();
  const { store } = database;
  let isAway = false;
  const keyTotals: Store["requests"]["keyTotals"] = (id, since) =>
    isAway ? Promise.reject(outOfReach()) : store.requests.keyTotals(id, since);
  using house = await startConfigHouse({ store: { ...store, requests: { ...store.requests, keyTotals } }, file });
  const { key, kept } = await deleted(house, store);
  isAway = true;
  expect(await importing(house, { keys: kept.keys.filter(({ id }) => id === key), teams: kept.teams })).toBe(503);
  expect(await store.documents.list("key")).toEqual([]);
  isAway = false;
  expect(await importing(house, kept)).toBe(200);
  expect(spentOf(house, "key", key)).toEqual([6]);
});

test.each([
  ["before the key is there", true],
  ["together with the key", false],
])("further gateways, where the key was deleted too, hear what it spent %s", async (_when, isEarly) => {
  using folder = temporaryFolder();
  const [firstStore, secondStore] = await openTwice(`sqlite://${join(folder.path, "shared.db")}`);
  const put: Store["documents"]["put"] = async (document) => {
    if (isEarly && document.kind === "key" && isImporting) {
      await second.look();
      await until(async () => (await firstStore.documents.list(spendingKind)).length === 0, "it is taken for a rest");
    }
    return firstStore.documents.put(document);
  };
  let isImporting = false;
  using first = await startConfigHouse({
    store: { ...firstStore, documents: { ...firstStore.documents, put } },
    file,
  });
  using second = await startConfigHouse({ store: secondStore, file });
  const { id } = await knownAt(first).admin.keys.create({ name: "k", enabled: true, budgets }, by);
  await spent(firstStore, id, 6);
  await second.look();
  const kept = await exported(first);
  await knownAt(first).admin.keys.remove(id, by);
  await second.look();
  isImporting = true;
  expect(await importing(first, kept)).toBe(200);
  for (const house of [second, first]) await house.look();
  await knownAt(first).budgets.flush();
  await second.look();
  expect([spentOf(first, "key", id), spentOf(second, "key", id)]).toEqual([[6], [6]]);
  expect(await firstStore.documents.list(spendingKind)).toMatchObject([{ value: { usd: 6 } }]);
  for (const store of [firstStore, secondStore]) await store.close();
});

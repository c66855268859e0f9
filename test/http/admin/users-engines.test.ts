import { afterAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createSecretBox } from "../../../src/keys/secret-box.ts";
import { openStore } from "../../../src/storage/engines.ts";
import type { Store } from "../../../src/storage/store.ts";
import { databaseEngines, startDatabaseServer } from "../../support/database-servers.ts";
import { until } from "../../support/e2e.ts";
import { openTwice } from "../../support/open-twice.ts";
import { type Answer, type KeyHouse, startKeyHouse } from "../../support/key-house.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const secrets = createSecretBox(randomBytes(32));
const password = "some-password";

interface Pair extends AsyncDisposable {
  readonly store: Store;
  readonly houses: readonly [KeyHouse, KeyHouse];
}

/** Two gateways where nobody but users can be admin; the one hears nothing of the other by itself. */
async function startPair(url: string): Promise<Pair> {
  const stores = await openTwice(url);
  const houses = [
    await startKeyHouse({ store: stores[0], secrets }),
    await startKeyHouse({ store: stores[1], secrets }),
  ] as const;
  return {
    houses,
    store: stores[0],
    async [Symbol.asyncDispose]() {
      houses.forEach((house) => house[Symbol.dispose]());
      for (const store of stores) await store.close();
    },
  };
}

async function make(house: KeyHouse, fields: object): Promise<string> {
  const { status, body } = await house.ask("POST", "/api/users", { password, role: "admin", ...fields });
  expect(status).toBe(201);
  return `/api/users/${String(body["id"])}`;
}

function setup(house: KeyHouse, token: string, username: string): Promise<Answer> {
  return house.ask("POST", "/api/auth/setup", { token, username, password }, null);
}

const statusesOf = (answers: readonly Answer[]): number[] =>
  answers.map(({ status }) => status).toSorted((left, right) => left - right);

async function admins(house: KeyHouse): Promise<string[]> {
  await house.look();
  const { data } = house.identity.users.page({ limit: 100 });
  return data.filter(({ role, enabled }) => role === "admin" && enabled).map(({ name }) => name);
}

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const servers: Record<string, () => Promise<string>> = {
  sqlite: () => Promise.resolve(`sqlite://${join(folder.path, `${randomBytes(4).toString("hex")}.db`)}`),
};
for (const engine of Object.keys(databaseEngines) as (keyof typeof databaseEngines)[]) {
  const server = await startDatabaseServer(engine);
  if (server === undefined) continue;
  afterAll(() => server.stop());
  servers[engine] = () => server.createDatabase();
}

describe.each(Object.entries(servers))("two gateways on %s", (_engine, createDatabase) => {
  test("cannot take the last admins away from each other", async () => {
    await using pair = await startPair(await createDatabase());
    const [first, second] = pair.houses;
    const away: ((house: KeyHouse, path: string) => Promise<Answer>)[] = [
      (house, path) => house.ask("PATCH", path, { role: "viewer" }),
      (house, path) => house.ask("PATCH", path, { enabled: false }),
      (house, path) => house.ask("DELETE", path),
    ];
    let stays = await make(first, { name: "admin-0" });
    for (const [round, takeAway] of [...away, ...away].entries()) {
      const other = await make(second, { name: `admin-${round + 1}` });
      await first.look();
      const answers = await Promise.all([takeAway(first, stays), takeAway(second, other)]);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(1);
      if (answers[0]?.status !== 409) stays = other;
      for (const house of pair.houses) expect(await admins(house)).toHaveLength(1);
    }
  }, 60_000);

  test("make one user of a name, however many want it at the same moment", async () => {
    await using pair = await startPair(await createDatabase());
    const [first, second] = pair.houses;
    const wanted = [first, second, first, second].map((house, index) =>
      house.ask("POST", "/api/users", { name: index < 2 ? "ann" : " ＡNN", password, role: "viewer" }),
    );
    expect(statusesOf(await Promise.all(wanted))).toEqual([201, 409, 409, 409]);
  }, 60_000);

  test("make one first admin, by whichever of two links", async () => {
    await using pair = await startPair(await createDatabase());
    const [first, second] = pair.houses;
    const earlier = setup(first, (await first.identity.offerSetup()) ?? "", "ann");
    await until(async () => {
      const link = await pair.store.documents.get("setup-link", "link");
      return (link?.value as { isTaken: boolean } | undefined)?.isTaken === true;
    }, "the first link to be taken");
    const token = (await second.identity.offerSetup()) ?? "";
    const later = await setup(second, token, "bob");
    expect([
      [201, 401],
      [201, 409],
    ]).toContainEqual(statusesOf([await earlier, later]));
    expect(await admins(first)).toHaveLength(1);
  }, 60_000);
});

test("a gateway that died while it changed users holds up the others for seconds only", async () => {
  const url = `sqlite://${join(folder.path, "died.db")}`;
  const store = openStore({ url, onWarning: () => undefined });
  const endsAt = Date.now() + 10_000;
  await store.documents.put({ kind: "turn", id: "users", value: { holder: "dead", until: endsAt } });
  let now = Date.now();
  using house = await startKeyHouse({ store, secrets, now: () => now });
  const made = house.ask("POST", "/api/users", { name: "ann", password, role: "viewer" });
  const early = await Promise.race([made, Bun.sleep(300)]);
  expect(early).toBeUndefined();
  now = endsAt;
  expect((await made).status).toBe(201);
  await store.close();
});

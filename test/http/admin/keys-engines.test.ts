import { afterAll, describe, expect, test } from "bun:test";
import { databaseEngines, startDatabaseServer } from "../../support/database-servers.ts";
import { openTwice } from "../../support/open-twice.ts";
import { startKeyHouse } from "../../support/key-house.ts";

for (const engine of Object.keys(databaseEngines) as (keyof typeof databaseEngines)[]) {
  const server = await startDatabaseServer(engine);
  if (server === undefined) continue;
  afterAll(() => server.stop());

  describe(`two gateways on ${engine}`, () => {
    test("make twenty changes of one key at the same moment, and lose none", async () => {
      const url = await server.createDatabase();
      const stores = await openTwice(url);
      using first = await startKeyHouse({ store: stores[0] });
      using second = await startKeyHouse({ store: stores[1] });
      const path = `/api/keys/${String((await first.ask("POST", "/api/keys", { name: "busy" })).body["id"])}`;
      await second.look();
      const changes = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? first : second).ask("PATCH", path, { rpm: index + 1 }),
      );
      const answers = await Promise.all(changes);
      expect(answers.map(({ status }) => status)).toEqual(changes.map(() => 200));
      const versions = new Set(answers.map(({ body }) => Number(body["version"])));
      expect(versions.size).toBe(20);
      for (const store of stores) await store.close();
    }, 60_000);
  });
}

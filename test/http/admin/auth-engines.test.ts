import { afterAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createSecretBox } from "../../../src/keys/secret-box.ts";
import { databaseEngines, startDatabaseServer } from "../../support/database-servers.ts";
import { openTwice } from "../../support/open-twice.ts";
import { startKeyHouse } from "../../support/key-house.ts";

const secrets = createSecretBox(randomBytes(32));

for (const engine of Object.keys(databaseEngines) as (keyof typeof databaseEngines)[]) {
  const server = await startDatabaseServer(engine);
  if (server === undefined) continue;
  afterAll(() => server.stop());

  describe(`two gateways on ${engine}`, () => {
    test("know each other's users and logins, and when they end", async () => {
      const url = await server.createDatabase();
      const stores = await openTwice(url);
      const first = await startKeyHouse({ store: stores[0], secrets });
      const second = await startKeyHouse({ store: stores[1], secrets });
      const user = { name: "ann", password: "password-of-ann", role: "operator" };
      const { body: made } = await first.ask("POST", "/api/users", user);
      const login = { username: "ANN", password: user.password };
      const { status, body } = await second.ask("POST", "/api/auth/login", login, null);
      expect(status).toBe(200);
      await first.look();
      const token = String(body["accessToken"]);
      const rolesSeen = async (): Promise<unknown[]> => [
        (await first.ask("GET", "/api/auth/me", undefined, token)).body["role"],
        (await second.ask("GET", "/api/auth/me", undefined, token)).body["role"],
      ];
      expect(await rolesSeen()).toEqual(["operator", "operator"]);
      const refreshToken = String(body["refreshToken"]);
      const renewals = await Promise.all(
        [first, second, first].map((house) => house.ask("POST", "/api/auth/refresh", { refreshToken }, null)),
      );
      expect(renewals.filter((one) => one.status === 200).length).toBeLessThanOrEqual(1);
      await Promise.all([first.look(), second.look()]);
      expect(await rolesSeen()).toEqual([undefined, undefined]);
      const again = await first.ask("POST", "/api/auth/login", login, null);
      await second.look();
      await first.ask("PATCH", `/api/users/${String(made["id"])}`, { enabled: false });
      await second.look();
      const other = String(again.body["accessToken"]);
      expect((await second.ask("GET", "/api/auth/me", undefined, other)).status).toBe(401);
      const audit = await second.ask("GET", "/api/audit?limit=50");
      expect(JSON.stringify(audit.body)).toContain("auth.refresh-reused");
      [first, second].forEach((house) => house[Symbol.dispose]());
      for (const store of stores) await store.close();
    }, 60_000);
  });
}

import { afterAll, describe, expect, test } from "bun:test";
import { startDatabaseServer } from "../support/database-servers.ts";
import { runCommand, startGateway } from "../support/gateway.ts";

const server = await startDatabaseServer("mariadb");
afterAll(() => server?.stop());

const serve = ["serve", "--demo", "--port", "0", "--metrics-port", "0"];

describe.if(server !== undefined)("a gateway whose database", () => {
  test.each([
    ["refuses its password", "//gw:pa55word@", "", /Access denied for user 'gw'/],
    ["does not exist", "//root@", "_not_there", /Unknown database/],
  ])(
    "%s does not start, alone or with workers",
    async (_what, user, suffix, reason) => {
      const url = `${await server?.createDatabase()}${suffix}`.replace("//root@", user);
      for (const workers of [[], ["--workers", "2"]]) {
        const { exitCode, stdout, stderr } = await runCommand([...serve, ...workers], { DATABASE_URL: url });
        expect(exitCode).toBe(1);
        expect(stderr).toMatch(reason);
        expect(stderr).toMatch(/error: The database mysql:\S+ cannot be used.* storage\.url \(DATABASE_URL\)/);
        expect(`${stdout}${stderr}`).not.toContain("pa55word");
        expect(stdout).toBe("");
      }
    },
    30_000,
  );

  test("cannot be reached starts and says so, and serves once it is back", async () => {
    const url = await server?.createDatabase();
    await server?.kill();
    await using gateway = await startGateway({ args: ["--demo"], env: { DATABASE_URL: url } });
    await gateway.waitForOutput(/Press Ctrl/);
    expect(gateway.stdout()).toMatch(/Access +nobody until the keys in the database are known \(503\)\n/);
    expect(gateway.stdout()).toMatch(/Database +not reachable yet; .*127\.0\.0\.1/);
    expect((await fetch(`${gateway.url}/models`)).status).toBe(503);
    await server?.start();
    await gateway.waitForOutput(/can be used again/);
    await gateway.waitForOutput(/are seen again/);
    expect((await fetch(`${gateway.url}/models`)).status).toBe(200);
  }, 40_000);
});

import { afterAll, expect, test } from "bun:test";
import { configFolder } from "../config/folder.ts";
import { adminToken, openKeyStore, startKeyHouse } from "../support/key-house.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const database = openKeyStore();
const house = await startKeyHouse({ store: database.store });
afterAll(() => [house, database].forEach((one) => one[Symbol.dispose]()));

async function cli(...args: readonly string[]): Promise<CliResult> {
  using folder = configFolder();
  return await runCli([...args, "--url", house.url], { cwd: folder.path, env: { AUTH_TOKEN: adminToken } });
}

test("a team is made, listed, shown, changed and deleted, once no key belongs to it", async () => {
  expect((await cli("teams", "list")).stdout).toContain("orcestator teams create");
  const made = await cli("teams", "create", "platform", "--rpm", "60", "--budget", "500/month", "--models", "a,b-*");
  const id = /team_\w+/.exec(made.stdout)?.[0] ?? "";
  expect([made.exitCode, made.stdout]).toEqual([0, `platform is made: ${id}\n`]);
  expect(house.book.team(id)).toMatchObject({
    rpm: 60,
    models: ["a", "b-*"],
    budgets: [{ usd: 500, window: "month" }],
  });

  const list = await cli("teams", "list");
  expect(list.stdout.split("\n")[0]?.split(/ {2,}/)).toEqual(["ID", "NAME", "LIMITS", "SPENT", "MADE"]);
  expect(list.stdout).toContain(`${id}  platform  60 rpm  $0.00 of $500.00 a month`);
  expect((await cli("teams", "show", id)).stdout).toMatch(/models +a, b-\*/);

  const changed = await cli("teams", "update", id, "--concurrency", "5", "--clear", "models,budget");
  expect([changed.exitCode, changed.stdout]).toEqual([0, `platform (${id}) is changed.\n`]);
  const { rpm, concurrency, models, budgets } = house.book.team(id) ?? {};
  expect({ rpm, concurrency, models, budgets }).toEqual({
    rpm: 60,
    concurrency: 5,
    models: undefined,
    budgets: undefined,
  });

  const key = (await cli("keys", "create", "alice", "--team", id)).stdout.trim();
  const refused = await cli("teams", "delete", id);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("1 key belongs to the team")]);
  await cli("keys", "delete", house.book.find(key)?.id ?? "");
  expect((await cli("teams", "delete", id)).stdout).toBe(`${id} is deleted.\n`);
  for (const args of [["show"], ["update", "--rpm", "1"], ["delete"]]) {
    const [verb = "", ...rest] = args;
    const gone = await cli("teams", verb, id, ...rest);
    expect([gone.exitCode, gone.stderr]).toEqual([
      1,
      expect.stringContaining(`there is no team ${id} here; \`orcestator teams list\` shows those there are`),
    ]);
  }
}, 40_000);

test("with --json everything is what the API says", async () => {
  const made = JSON.parse((await cli("teams", "create", "json", "--json")).stdout) as { id: string };
  for (const args of [
    ["show", made.id],
    ["update", made.id, "--rpm", "7"],
  ])
    expect(JSON.parse((await cli("teams", ...args, "--json")).stdout)).toMatchObject({ id: made.id, name: "json" });
  expect(JSON.parse((await cli("teams", "list", "--json")).stdout)).toMatchObject({ data: [{ id: made.id, rpm: 7 }] });
  expect(JSON.parse((await cli("teams", "delete", made.id, "--json")).stdout)).toEqual({ id: made.id, deleted: true });
}, 30_000);

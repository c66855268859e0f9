import { afterAll, describe, expect, test } from "bun:test";
import type { KeyView } from "../../src/admin/contract/keys.ts";
import { budgetsText, limitsText } from "../../src/cli/bounds-text.ts";
import { formatKey, formatKeys } from "../../src/cli/keys-format.ts";
import { keyFieldsOf } from "../../src/cli/keys-fields.ts";
import { createPalette } from "../../src/cli/output.ts";
import { configFolder } from "../config/folder.ts";
import { adminToken, openKeyStore, startKeyHouse, startWithoutStore } from "../support/key-house.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const database = openKeyStore();
const house = await startKeyHouse({ store: database.store });
afterAll(() => {
  house[Symbol.dispose]();
  database[Symbol.dispose]();
});

async function keys(
  args: readonly string[],
  env: Record<string, string> = { AUTH_TOKEN: adminToken },
): Promise<CliResult> {
  using folder = configFolder();
  return await runCli(["keys", ...args, "--url", house.url], { cwd: folder.path, env });
}

const idOf = (token: string): string => house.book.find(token)?.id ?? "none";

test("a key is made, shown, switched off and on, rotated and deleted", async () => {
  const made = await keys([
    "create",
    "alice",
    "--rpm",
    "60",
    "--budget",
    "10/day,100/month",
    "--models",
    "gpt-*, claude",
  ]);
  const token = made.stdout.trim();
  expect([made.exitCode, token]).toEqual([0, expect.stringMatching(/^sk-orc-[0-9A-Za-z]{43}$/)]);
  expect(made.stderr).toContain("shown this once");
  const id = idOf(token);
  expect(house.book.key(id)).toMatchObject({ name: "alice", rpm: 60, models: ["gpt-*", "claude"] });

  const list = await keys(["list"]);
  expect(list.stdout.split("\n")[0]?.split(/ {2,}/)).toEqual([
    "ID",
    "NAME",
    "KEY",
    "STATUS",
    "LIMITS",
    "SPENT",
    "EXPIRES",
  ]);
  expect(list.stdout).toContain(`${id}  alice  sk-orc-…${token.slice(-4)}  active`);
  expect(list.stdout).not.toContain(token);

  const shown = await keys(["show", id]);
  expect(shown.stdout).toContain("$0.00 of $10.00 a day, $0.00 of $100.00 a month");

  expect((await keys(["disable", id])).stdout).toBe(`alice (${id}) is disabled.\n`);
  expect(house.book.find(token)?.enabled).toBe(false);
  expect((await keys(["enable", id])).stdout).toBe(`alice (${id}) is active.\n`);

  const rotated = await keys(["rotate", id, "--grace", "1h"]);
  expect(idOf(rotated.stdout.trim())).toBe(id);
  expect(idOf(token)).toBe(id);

  const tooLong = await keys(["rotate", id, "--grace", "99d"]);
  expect([tooLong.exitCode, tooLong.stderr]).toEqual([2, expect.stringContaining("--grace 99d: at most 30d")]);

  expect((await keys(["delete", id])).stdout).toBe(`${id} is deleted.\n`);
  expect(idOf(token)).toBe("none");
  const gone = await keys(["show", id]);
  expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringContaining(`there is no key ${id} here`)]);
  expect(gone.stderr).toContain("`orcestator keys list` shows those there are");
}, 30_000);

test("a key is changed: what is left out stays, and what is cleared is gone", async () => {
  const id = idOf((await keys(["create", "bob", "--rpm", "60", "--models", "a", "--expires", "30d"])).stdout.trim());
  const changed = await keys(["update", id, "--name", "Bob", "--tpm", "5000", "--clear", "models,expires"]);
  expect([changed.exitCode, changed.stdout]).toEqual([0, `Bob (${id}) is active.\n`]);
  const { rpm, tpm, models, expiresAt } = house.book.key(id) ?? {};
  expect({ rpm, tpm, models, expiresAt }).toEqual({ rpm: 60, tpm: 5000, models: undefined, expiresAt: undefined });
  await keys(["update", id, "--budget", "1/day", "--expires", "30d"]);
  expect(house.book.key(id)?.budgets).toHaveLength(1);
  // By the API's own names as well.
  expect((await keys(["update", id, "--clear", "budgets,expiresAt"])).exitCode).toBe(0);
  expect([house.book.key(id)?.budgets, house.book.key(id)?.expiresAt]).toEqual([undefined, undefined]);
  const nothing = await keys(["update", id]);
  expect([nothing.exitCode, nothing.stderr]).toEqual([2, expect.stringContaining("say what to change")]);
  const unknown = await keys(["update", id, "--clear", "name"]);
  expect([unknown.exitCode, unknown.stderr]).toEqual([
    2,
    expect.stringContaining("--clear name: write some of models"),
  ]);
  const past = await keys(["create", "late", "--expires", "2020-01-01"]);
  expect([past.exitCode, past.stderr]).toEqual([1, expect.stringContaining("`expiresAt` is past")]);
}, 30_000);

test("with --json everything is what the API says", async () => {
  const made = JSON.parse((await keys(["create", "--name", "ci", "--json"])).stdout) as { id: string; key: string };
  expect(idOf(made.key)).toBe(made.id);
  const list = JSON.parse((await keys(["list", "--limit", "1", "--json"])).stdout) as {
    data: KeyView[];
    cursor: string;
  };
  expect(list.data).toHaveLength(1);
  expect(JSON.parse((await keys(["delete", made.id, "--json"])).stdout)).toEqual({ id: made.id, deleted: true });
}, 20_000);

describe("what goes wrong is said in one line", () => {
  test("wrong fields, a missing name, a wrong token, no token", async () => {
    const refused = await keys(["create", "x", "--content", "some"]);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining("`content` must be full, none or truncate:N"),
    ]);
    const unnamed = await keys(["create"]);
    expect([unnamed.exitCode, unnamed.stderr]).toEqual([2, expect.stringContaining("say whose key it is")]);
    const stranger = await keys(["list"], { AUTH_TOKEN: "wrong" });
    expect([stranger.exitCode, stranger.stderr]).toEqual([
      1,
      expect.stringContaining("does not accept this admin token"),
    ]);
    const nobody = await keys(["list"], {});
    expect([nobody.exitCode, nobody.stderr]).toEqual([
      1,
      expect.stringMatching(/--token, or set AUTH_TOKEN.*; the accessToken of a login/),
    ]);
  }, 20_000);

  test("a gateway without a database says how to set one", async () => {
    using bare = startWithoutStore();
    using folder = configFolder();
    const { url } = bare;
    const { exitCode, stderr } = await runCli(["keys", "list", "--url", url, "--token", adminToken], {
      cwd: folder.path,
    });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("set storage.url (OR_DB_PATH")]);
  });

  test("nobody is there", async () => {
    using folder = configFolder();
    const args = ["keys", "list", "--url", "http://127.0.0.1:1", "--token", adminToken];
    const { exitCode, stderr } = await runCli(args, { cwd: folder.path });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is the gateway running there?")]);
  });
});

describe("fields of a key", () => {
  test("are read as people write them", () => {
    expect(
      keyFieldsOf({
        models: "a, b-*,",
        budget: "10/day, $2.5/hour",
        timeZone: "Europe/Berlin",
        rpm: "5",
        expires: "2030-01-02T00:00:00Z",
        tags: "team=a=b,x=",
        priority: "-3",
        maySteer: true,
      }),
    ).toEqual({
      models: ["a", "b-*"],
      budgets: [
        { usd: 10, window: "day", timeZone: "Europe/Berlin" },
        { usd: 2.5, window: "hour", timeZone: "Europe/Berlin" },
      ],
      rpm: 5,
      expiresAt: "2030-01-02T00:00:00.000Z",
      tags: { team: "a=b", x: "" },
      priority: -3,
      maySteer: true,
    });
    const { expiresAt } = keyFieldsOf({ expires: "30d" });
    expect(Math.abs(Date.parse(String(expiresAt)) - Date.now() - 30 * 86_400_000)).toBeLessThan(5000);
    expect(keyFieldsOf({})).toEqual({});
  });

  const wrong = [
    { rpm: "many" },
    { rpm: "" },
    { budget: "10" },
    { budget: "10/year" },
    { expires: "soon" },
    { tags: "a" },
    { timeZone: "Europe/Berlin" },
  ];
  for (const args of wrong)
    test(`${JSON.stringify(args)} makes no sense`, () => expect(() => keyFieldsOf(args)).toThrow(/^--/));
});

describe("for people", () => {
  const key: KeyView = {
    id: "key_1",
    name: "a\u001b[31m\nb",
    prefix: "sk-orc-…abcd",
    status: "expired",
    enabled: true,
    createdAt: "2026-11-21T00:00:00.000Z",
    expiresAt: "2026-11-22T00:00:00.000Z",
    version: 3,
    spending: [{ usd: 10, window: "day", spentUsd: 0.004, reservedUsd: 1.5, resetsAt: "" }],
  };

  test("limits and budgets are short texts", () => {
    expect(limitsText({ rpm: 5, tpm: 100, concurrency: 2 })).toBe("5 rpm, 100 tpm, 2 at once");
    expect(limitsText({})).toBe("-");
    expect(budgetsText(key)).toBe("$0.0040 ($1.50 reserved) of $10.00 a day");
    const spending = [{ usd: 1, window: "hour", spentUsd: 0, reservedUsd: 0, resetsAt: "" } as const];
    expect(budgetsText({ spending })).toBe("$0.00 of $1.00 an hour");
  });

  test("names cannot rule the terminal, and eighty columns are enough", () => {
    const id = "key_mwqrl3c6j7f35vz9ke07knlw";
    const text = formatKeys([{ ...key, id, name: `${key.name}${"x".repeat(300)}` }], {
      width: 80,
      colors: createPalette(false),
    });
    for (const line of text.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80);
    expect(text).not.toContain("\u001b");
    expect(formatKey(key, { colors: createPalette(false) }).split("\n")).toHaveLength(9);
  });
});

test("a key given in the place of its id is sent nowhere", async () => {
  for (const command of ["show", "disable", "enable", "rotate"]) {
    const refused = await keys([command, `sk-orc-${"Leak0".repeat(8)}abc`]);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("a key itself and not its id")]);
  }
});

test.each(["keys list", "models", "providers", "config export"])(
  "%s says that the file it was given is not there",
  async (command) => {
    using folder = configFolder();
    const told = await runCli([...command.split(" "), "--config", "nowhere.yaml"], { cwd: folder.path, env: {} });
    expect([told.exitCode, told.stderr]).toEqual([2, expect.stringContaining("there is no file nowhere.yaml")]);
  },
);

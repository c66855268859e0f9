import { afterAll, beforeAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type ConfigHouse, startConfigHouse } from "../support/config-house.ts";
import { openKeyStore } from "../support/key-house.ts";
import { type ConfigFolder, configFolder } from "../config/folder.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const key = "sk-filed-0123456789abcdef";
const file = `
providers:
  filed: { type: openai-compatible, baseUrl: "https://filed.example/v1", credentials: ["${key}"] }
limits: { queue: { size: 5 } }
`;
const database = openKeyStore();
let house: ConfigHouse;
let folder: ConfigFolder;

beforeAll(async () => {
  house = await startConfigHouse({ store: database.store, file });
  folder = configFolder({ "orcestator.yaml": file });
});
afterAll(() => {
  house[Symbol.dispose]();
  folder[Symbol.dispose]();
  database[Symbol.dispose]();
});

/** The token names a role here. */
const config = (args: readonly string[], token = "admin"): Promise<CliResult> =>
  runCli(["config", ...args, "--url", house.url], { cwd: folder.path, env: { AUTH_TOKEN: token, MINE_KEY: key } });

test("an export is one JSON document, masked unless secrets are asked for", async () => {
  const { stdout, exitCode } = await config(["export"]);
  expect([exitCode, JSON.parse(stdout)]).toMatchObject([
    0,
    { format: "orcestator-config/1", config: { limits: { queue: { size: 5 } } } },
  ]);
  expect(stdout).not.toContain(key);
  const written = await config(["export", "--secrets", "--out", "all.json"]);
  expect(written.exitCode).toBe(0);
  expect(await Bun.file(join(folder.path, "all.json")).text()).toContain(key);
  if (process.platform !== "win32") expect(statSync(join(folder.path, "all.json")).mode & 0o077).toBe(0);
  const refused = await config(["export", "--secrets"], "viewer");
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("Not you.")]);
});

test("a file here is exported without a gateway", async () => {
  const { stdout, exitCode } = await runCli(["config", "export", "--local"], { cwd: folder.path });
  expect([exitCode, JSON.parse(stdout)]).toMatchObject([
    0,
    {
      config: { providers: { filed: { credentials: ["sk-…cdef"] } } },
      origins: { "limits.queue.size": "file orcestator.yaml" },
    },
  ]);
  expect((await config(["export", "--local", "--keys"])).exitCode).toBe(2);
});

test("an import shows what changes, and changes nothing when that is all that is asked for", async () => {
  await Bun.write(
    join(folder.path, "part.yaml"),
    'limits: { queue: { size: 9 } }\nproviders: { mine: { type: openai, credentials: ["${MINE_KEY}"] } }\n',
  );
  const dry = await config(["import", "part.yaml", "--dry-run"]);
  expect([dry.exitCode, dry.stdout]).toEqual([0, expect.stringMatching(/limits\.queue\.size +5 +9/)]);
  expect(dry.stdout).toContain("providers.mine.type");
  expect(house.config().limits.queue.size).toBe(5);
  const done = await config(["import", "part.yaml"]);
  expect([done.exitCode, done.stdout]).toEqual([0, expect.stringContaining("NOW")]);
  // Variables are this shell's.
  expect(house.config().providers["mine"]?.credentials[0]?.key).toBe(key);
  expect(done.stdout).not.toContain(key);
  const again = await config(["import", "part.yaml", "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ dryRun: false, differences: [] });
  const back = await config(["import", "all.json", "--replace"]);
  expect([back.exitCode, Object.keys(house.config().providers)]).toEqual([0, ["filed"]]);
});

test("keys of a document that nobody asked for are told, and how they come too", async () => {
  const by = { actor: "admin", address: undefined };
  const keys = house.virtualKeys?.admin.keys;
  const ids = [];
  for (const name of ["one", "two"]) ids.push((await keys?.create({ name, enabled: true }, by))?.id ?? "");
  await config(["export", "--secrets", "--keys", "--out", "full.json"]);
  for (const id of ids) await keys?.remove(id, by);
  const told = "Left alone: 2 virtual keys and 0 teams of the document; ";
  const without = await config(["import", "full.json"]);
  expect([without.exitCode, without.stdout, without.stderr]).toEqual([
    0,
    "Nothing has changed.\n",
    `${told}with --keys they are imported too\n`,
  ]);
  const asFile = await config(["import", "full.json", "--out", "full.yaml"]);
  expect([asFile.exitCode, asFile.stderr]).toEqual([0, `${told}a configuration file holds none\n`]);
  const whole = await config(["import", "full.json", "--keys"]);
  expect([whole.exitCode, whole.stdout, whole.stderr]).toEqual([
    0,
    "2 keys and teams were written.\nNothing else has changed.\n",
    "",
  ]);
  expect(ids.map((id) => house.virtualKeys?.book.key(id)?.name)).toEqual(["one", "two"]);
});

const id = (at: number): string => String(at).padStart(24, "0");
const hash = (at: number): string => at.toString(16).padStart(64, "0");

test("more keys than one request takes are imported all the same, and what was changed is taken back once", async () => {
  const teams = [{ id: `team_${id(1)}`, value: { name: "t", createdAt: 1 } }];
  const keys = Array.from({ length: 2100 }, (_, at) => ({
    id: `key_${id(at)}`,
    value: { name: `k${at}`, hash: hash(at), last4: "abcd", createdAt: 1, enabled: true, teamId: teams[0]?.id },
  }));
  const document = { config: { limits: { queue: { size: 11 } } }, keys, teams };
  await Bun.write(join(folder.path, "many.json"), JSON.stringify(document));
  const done = await config(["import", "many.json", "--keys", "--replace", "--json"]);
  expect([done.exitCode, JSON.parse(done.stdout)]).toMatchObject([
    0,
    { keys: 2101, differences: [{ path: "limits.queue.size", after: 11 }] },
  ]);
  expect(house.config().limits.queue.size).toBe(11);
  expect(house.virtualKeys?.book.key(`key_${id(2099)}`)).toMatchObject({ name: "k2099", teamId: teams[0]?.id });
  const bad = { ...document, keys: [...keys.slice(0, 2050), { id: "key_short", value: {} }] };
  await Bun.write(join(folder.path, "bad-key.json"), JSON.stringify(bad));
  const half = await config(["import", "bad-key.json", "--keys"]);
  expect([half.exitCode, half.stderr]).toEqual([
    1,
    expect.stringMatching(
      /`keys\[50\]\.id` must.*keys 2001 to 2051 of the document; .*0 keys and teams were imported before/,
    ),
  ]);
}, 20_000);

test("mistakes are told in the gateway's words, or in the file's", async () => {
  await Bun.write(join(folder.path, "bad.json"), '{"providers": {"mine": {"type": "nonsense"}}}');
  const bad = await config(["import", "bad.json"]);
  expect([bad.exitCode, bad.stderr]).toEqual([1, expect.stringContaining("providers.mine.type")]);
  await Bun.write(
    join(folder.path, "unset.yaml"),
    'providers: { mine: { type: openai, credentials: ["${NOT_SET}"] } }',
  );
  const unset = await config(["import", "unset.yaml"]);
  expect([unset.exitCode, unset.stderr]).toEqual([1, expect.stringContaining("NOT_SET is not set")]);
  const missing = await config(["import", "nowhere.json"]);
  expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining("no such file")]);
});

test("a mask becomes no key of a configuration file: each is named, and an ordinary text is none", async () => {
  const dummy = { type: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" };
  const masked = {
    config: {
      admin: { token: "…", password: "…" },
      storage: { url: "postgres://…@127.0.0.1/db" },
      providers: {
        one: { ...dummy, credentials: ["sk-good-0123456789abcdef", "sk-…cdef", { key: "…", weight: 2 }] },
        two: { ...dummy, baseUrl: "http://127.0.0.1:9/v1?sig=…", headers: { "x-tenant": "…" } },
      },
    },
  };
  await Bun.write(join(folder.path, "masks.json"), JSON.stringify(masked));
  const refused = await config(["import", "masks.json", "--out", "masks.yaml"]);
  const places = [
    "admin.token, admin.password, storage.url, providers.one.credentials[1], providers.one.credentials[2].key",
    "providers.two.baseUrl, providers.two.headers.x-tenant",
  ];
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining(`${places.join(", ")}: masked`)]);
  expect(await Bun.file(join(folder.path, "masks.yaml")).exists()).toBe(false);
  const parameters = { greeting: "Hello… you" };
  const plain = { providers: { one: { ...dummy, credentials: ["sk-good-0123456789abcdef"], parameters } } };
  await Bun.write(join(folder.path, "plain.json"), JSON.stringify(plain));
  expect((await config(["import", "plain.json", "--out", "plain.yaml"])).exitCode).toBe(0);
  expect(await Bun.file(join(folder.path, "plain.yaml")).text()).toContain("Hello… you");
});

test("a document becomes a configuration file, whole and with its secrets only", async () => {
  await config(["export", "--out", "masked.json"]);
  const masked = await config(["import", "masked.json", "--out", "made.yaml"]);
  expect([masked.exitCode, masked.stderr]).toEqual([1, expect.stringContaining("export it with --secrets")]);
  const made = await config(["import", "all.json", "--out", "made.yaml"]);
  expect([made.exitCode, made.stdout]).toEqual([0, expect.stringContaining("made.yaml")]);
  const checked = await runCli(["config", "check", "--config", "made.yaml"], { cwd: folder.path });
  expect(checked.exitCode).toBe(0);
  const again = await config(["import", "all.json", "--out", "made.yaml"]);
  expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("--force")]);
});

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Database } from "bun:sqlite";
import { openStore } from "../../src/storage/engines.ts";
import { migrations } from "../../src/storage/sqlite/migrations.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runCli } from "./run-cli.ts";

async function fill(path: string, count: number): Promise<void> {
  const store = openStore({ url: `sqlite://${path}`, onWarning: () => undefined });
  await store.requests.insert(Array.from({ length: count }, () => makeRecord()));
  await store.close();
}

test("db check tells what is there and whether it can be used", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const none = await runCli(["db", "check"], { cwd });
  expect(none).toMatchObject({ exitCode: 1, stdout: "" });
  expect(none.stderr).toContain(
    "no database is configured (storage.url, DATABASE_URL, OR_DB_PATH); name one with --db",
  );
  const env = { OR_DB_PATH: "audit.db" };
  const missing = await runCli(["db", "check", "--json"], { cwd, env });
  expect(missing.exitCode).toBe(1);
  expect(JSON.parse(missing.stdout)).toEqual({ database: "audit.db", exists: false, oldest: null });
  expect(existsSync(join(cwd, "audit.db"))).toBe(false);

  await fill(join(cwd, "audit.db"), 1234);
  const people = await runCli(["db", "check"], { cwd, env });
  expect(people).toMatchObject({ exitCode: 0, stderr: "" });
  expect(people.stdout).toContain("audit.db (SQLite 3.");
  expect(people.stdout).toContain(`${migrations.length}, up to date`);
  expect(people.stdout).toMatch(/Requests +1,234/);
  const json = await runCli(["db", "check", "--json", "--db", "audit.db"], { cwd });
  expect(JSON.parse(json.stdout)).toMatchObject({
    exists: true,
    version: migrations.length,
    rows: { requests: 1234, documents: 0 },
  });
});

test("db check leaves an old schema alone, and db migrate brings it up to date", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const database = new Database(join(cwd, "old.db"));
  for (const statements of migrations.slice(0, 2)) database.run(statements);
  database.run("PRAGMA user_version = 2");
  database.close();
  const check = await runCli(["db", "check", "--db", "old.db"], { cwd });
  expect(check.exitCode).toBe(1);
  expect(check.stdout).toContain(`2 of ${migrations.length}; \`orcestator db migrate\``);
  const migrate = await runCli(["db", "migrate", "--db", "sqlite://old.db"], { cwd });
  expect(migrate).toMatchObject({ exitCode: 0, stderr: "" });
  expect(migrate.stdout).toBe(`The schema of old.db was brought from version 2 to ${migrations.length}.\n`);
  expect((await runCli(["db", "migrate", "--db", "old.db"], { cwd })).stdout).toContain("was up to date already");
  expect((await runCli(["db", "check", "--db", "old.db"], { cwd })).exitCode).toBe(0);
});

test("what cannot be reached or read is one message without the password", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const away = await runCli(["db", "check", "--db", "postgres://u:canary-pw@127.0.0.1:1/x"], { cwd });
  expect(away).toMatchObject({ exitCode: 1, stdout: "" });
  expect(away.stderr).toBe("error: The database postgres://u@127.0.0.1:1/x cannot be used: nothing answers there.\n");
  const wrong = await runCli(["db", "check", "--db", "oracle://u:canary-pw@h/x"], { cwd });
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).not.toContain("canary-pw");
  await Bun.write(join(cwd, "notes.txt"), "no database at all ".repeat(500));
  const text = await runCli(["db", "check", "--db", "notes.txt"], { cwd });
  expect(text.stderr).toContain("the file is no SQLite database");
  expect((await runCli(["db", "migrate", "--db", "notes.txt"], { cwd })).stderr).toContain("no SQLite database");
});

test("backup and restore move a database, and say what they did", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const env = { DATABASE_URL: "sqlite://audit.db" };
  await fill(join(cwd, "audit.db"), 40);
  const copy = await runCli(["backup", "copy.db"], { cwd, env });
  expect(copy).toMatchObject({ exitCode: 0, stderr: "" });
  expect(copy.stdout).toMatch(/^audit\.db is saved in copy\.db \([\d,]+ bytes\)\.\n$/);
  const portable = await runCli(["backup", "all.ndjson.gz"], { cwd, env });
  expect(portable.stdout).toContain("40 requests");
  const again = await runCli(["backup", "copy.db"], { cwd, env });
  expect(again.exitCode).toBe(1);
  expect(again.stderr).toContain("--force");
  for (const file of ["copy.db", "all.ndjson.gz"]) {
    const into = ["--db", `from-${file}.db`];
    const restored = await runCli(["restore", file, ...into], { cwd });
    expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
    expect(restored.stdout).toContain(`from-${file}.db is restored from ${file}`);
    expect((await runCli(["db", "check", ...into], { cwd })).stdout).toMatch(/Requests +40/);
    const refused = await runCli(["restore", file, ...into], { cwd });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("is not empty");
    expect((await runCli(["restore", file, ...into, "--force"], { cwd })).exitCode).toBe(0);
  }
  expect(readdirSync(cwd).sort()).toEqual([
    "all.ndjson.gz",
    "audit.db",
    "copy.db",
    "from-all.ndjson.gz.db",
    "from-copy.db.db",
  ]);
});

/** Writes over a part of a file. */
function spoil(path: string, { at, bytes }: { at: number; bytes: number }): void {
  const all = readFileSync(path);
  all.fill(0xff, at, at + bytes);
  writeFileSync(path, all);
}

test("db check says of a damaged file what SQLite finds, what the gateway will do with it, and what to do", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  await fill(join(cwd, "whole.db"), 1000);
  await runCli(["backup", "backup.db", "--db", "whole.db"], { cwd });
  const whole = readFileSync(join(cwd, "backup.db"));
  const places = { "schema.db": [100, 20], "pages.db": [12_288, 12_288], "rows.db": [100_000, 20_000] } as const;
  for (const [name, [at, bytes]] of Object.entries(places)) {
    writeFileSync(join(cwd, name), whole);
    spoil(join(cwd, name), { at, bytes });
    const spoiled = readFileSync(join(cwd, name));
    const check = await runCli(["db", "check", "--db", name], { cwd });
    expect([name, check.exitCode, check.stderr]).toEqual([name, 1, ""]);
    expect(check.stdout).toMatch(/State +damaged: \S/);
    expect(check.stdout).toContain(`the gateway puts it aside (${name}.corrupt-<time>)`);
    expect(check.stdout).toMatch(/To do +stop .*orcestator restore <file>/);
    expect(check.stdout).toMatch(/Schema +(\d+, up to date|cannot be read)/);
    const json = JSON.parse((await runCli(["db", "check", "--json", "--db", name], { cwd })).stdout);
    expect(json).toMatchObject({ exists: true, damage: expect.stringMatching(/\w/) });
    expect(readFileSync(join(cwd, name)).equals(spoiled)).toBe(true);
    const backup = await runCli(["backup", "again.db", "--db", name], { cwd });
    expect(backup.stderr).toContain("is damaged");
    expect(existsSync(join(cwd, "again.db"))).toBe(false);
  }
  const sound = await runCli(["db", "check", "--db", "backup.db"], { cwd });
  expect(sound.exitCode).toBe(0);
  expect(sound.stdout).toMatch(/State +whole/);
});

test("db check says so where a database cannot be made, and leaves nothing where it can", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  writeFileSync(join(cwd, "file"), "");
  const paths = ["file/x.db", "file/more/x.db", ...(existsSync("/proc") ? ["/proc/x.db", "/proc/nope/x.db"] : [])];
  for (const path of paths) {
    const check = await runCli(["db", "check", "--db", path], { cwd });
    expect([path, check.exitCode, check.stdout]).toEqual([path, 1, ""]);
    expect(check.stderr).toContain(`The audit database ${path} cannot be opened: `);
  }
  const check = await runCli(["db", "check", "--db", "new/folder/x.db"], { cwd });
  expect(check.stdout).toContain("the gateway makes it when it starts");
  expect(readdirSync(cwd)).toEqual(["file"]);
});

test("a backup that cannot be written says why, and blames its own place", async () => {
  using temporary = temporaryFolder();
  const cwd = temporary.path;
  const env = { OR_DB_PATH: "audit.db" };
  await fill(join(cwd, "audit.db"), 1);
  writeFileSync(join(cwd, "file"), "");
  for (const name of ["x.db", "x.ndjson.gz"]) {
    const none = await runCli(["backup", `no/${name}`], { cwd, env });
    expect(none.exitCode).toBe(1);
    expect(none.stderr).toBe(`error: The backup no/${name} cannot be written: there is no folder no.\n`);
    const inFile = await runCli(["backup", `file/${name}`], { cwd, env });
    expect(inFile.stderr).toContain(`The backup file/${name} cannot be written: a part of its folder's path is a file`);
    expect(none.stderr + inFile.stderr).not.toContain("audit");
  }
  expect(readdirSync(cwd).sort()).toEqual(["audit.db", "file"]);
});

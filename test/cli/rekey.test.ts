import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSecretBox, sealedWith } from "../../src/keys/secret-box.ts";
import { openSqliteStore } from "../../src/storage/sqlite/index.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
const [old, fresh] = [createSecretBox(oldKey), createSecretBox(newKey)];
const [oldText, newText] = [oldKey.toString("hex"), newKey.toString("hex")];

/** A database with one sealed secret. */
async function someDatabase(path: string): Promise<void> {
  const store = openSqliteStore({ path, onWarning: () => undefined });
  await store.documents.put({ kind: "provider", id: "p", value: { credentials: [old.seal("sk-canary")] } });
  await store.close();
}

async function storedSecret(path: string): Promise<string> {
  const store = openSqliteStore({ path, onWarning: () => undefined });
  const value = (await store.documents.get("provider", "p"))?.value as { credentials: [string] };
  await store.close();
  return value.credentials[0];
}

async function auditOf(path: string): Promise<readonly unknown[]> {
  const store = openSqliteStore({ path, onWarning: () => undefined });
  const { entries } = await store.audit.list({ limit: 10 });
  await store.close();
  return entries;
}

function rekey(cwd: string, env: Record<string, string> = {}): Promise<CliResult> {
  return runCli(["rekey", "--new-key-file", "new.key", "--db", "a.db"], { cwd, env });
}

test("a key of the environment is changed only when gateways know the new one already", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.db");
  await someDatabase(path);
  writeFileSync(join(folder.path, "new.key"), newText);
  const early = await rekey(folder.path, { ORCESTATOR_SECRET_KEY: oldText });
  expect([early.exitCode, early.stderr]).toEqual([1, expect.stringContaining("`<new>,<old>`")]);
  expect(sealedWith(await storedSecret(path))).toBe(old.keyId);
  const done = await rekey(folder.path, { ORCESTATOR_SECRET_KEY: `${newText},${oldText}` });
  expect([done.exitCode, done.stdout]).toEqual([0, expect.stringContaining("to the new key alone now")]);
  expect(fresh.open(await storedSecret(path))).toBe("sk-canary");
  const again = await rekey(folder.path, { ORCESTATOR_SECRET_KEY: newText });
  expect([again.exitCode, again.stdout]).toEqual([0, expect.stringContaining("0 secrets")]);
  const entry = { actor: "command-line", action: "database.rekey", subject: "database" };
  expect(await auditOf(path)).toMatchObject([
    { ...entry, after: { keyId: fresh.keyId, secrets: 0, documents: 0 } },
    { ...entry, after: { keyId: fresh.keyId, secrets: 1, documents: 1 } },
  ]);
  for (const { stdout, stderr } of [early, done])
    for (const secret of [oldText, newText, "sk-canary"]) expect(stdout + stderr).not.toContain(secret);
}, 20_000);

test("a key in a file gives way to the new one, which is made where there is none", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.db");
  await someDatabase(path);
  writeFileSync(`${path}.key`, oldText);
  const { exitCode } = await rekey(folder.path);
  const made = readFileSync(join(folder.path, "new.key"), "utf8");
  expect([exitCode, readFileSync(`${path}.key`, "utf8")]).toEqual([0, made]);
  expect(createSecretBox(Buffer.from(made.trim(), "hex")).open(await storedSecret(path))).toBe("sk-canary");
  expect(await auditOf(path)).toMatchObject([{ action: "database.rekey", after: { secrets: 1 } }]);
}, 20_000);

test("a path where no database is makes neither a database nor a key", async () => {
  using folder = temporaryFolder();
  const { exitCode, stdout, stderr } = await rekey(folder.path);
  expect([exitCode, stdout, stderr]).toEqual([1, "", expect.stringContaining("there is no file a.db")]);
  expect(readdirSync(folder.path)).toEqual([]);
}, 20_000);

test("it goes on where it was cut short, with both keys in the file", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.db");
  await someDatabase(path);
  writeFileSync(`${path}.key`, `${newText}\n${oldText}\n`);
  writeFileSync(join(folder.path, "new.key"), newText);
  expect((await rekey(folder.path)).exitCode).toBe(0);
  expect(readFileSync(`${path}.key`, "utf8")).toBe(`${newText}\n`);
  expect(fresh.open(await storedSecret(path))).toBe("sk-canary");
}, 20_000);

test("a secret that no key opens stops it, and both keys stay", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.db");
  await someDatabase(path);
  const stranger = randomBytes(32).toString("hex");
  writeFileSync(`${path}.key`, stranger);
  writeFileSync(join(folder.path, "new.key"), newText);
  const { exitCode, stderr } = await rekey(folder.path);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`sealed with the key ${old.keyId}`)]);
  expect(readFileSync(`${path}.key`, "utf8")).toContain(stranger);
  expect(existsSync(path)).toBe(true);
}, 20_000);

import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createSecretBox } from "../../src/keys/secret-box.ts";
import { configFolder } from "../config/folder.ts";
import { adminToken, openKeyStore, startKeyHouse } from "../support/key-house.ts";
import { type CliResult, runCli } from "./run-cli.ts";

const database = openKeyStore();
const house = await startKeyHouse({ store: database.store, secrets: createSecretBox(randomBytes(32)) });
afterAll(() => [house, database].forEach((one) => one[Symbol.dispose]()));

async function users(args: readonly string[], stdin?: string): Promise<CliResult> {
  using folder = configFolder();
  const options = { cwd: folder.path, env: { AUTH_TOKEN: adminToken }, ...(stdin !== undefined && { stdin }) };
  return await runCli(["users", ...args, "--url", house.url], options);
}

const login = async (username: string, password: string): Promise<number> =>
  (await house.ask("POST", "/api/auth/login", { username, password }, null)).status;

test("a user is made, listed, changed and deleted, by name or id", async () => {
  expect((await users(["list"])).stdout).toContain("orcestator users create");
  const made = await users(["create", "Ann", "--role", "operator"], "the first password\nrest\n");
  expect([made.exitCode, made.stdout]).toEqual([0, expect.stringMatching(/^Ann \(user_\w+\) is operator\.\n$/)]);
  const id = /user_\w+/.exec(made.stdout)?.[0] ?? "";
  expect(await login("ann", "the first password")).toBe(200);
  expect((await users(["list"])).stdout).toMatch(new RegExp(`${id} +Ann +operator +active`));

  expect((await users(["password", "ann"], "the second password")).exitCode).toBe(0);
  expect([await login("ann", "the first password"), await login("ann", "the second password")]).toEqual([401, 200]);
  expect((await users(["role", id, "viewer"])).stdout).toContain("is viewer");
  expect((await users(["disable", "ANN"])).stdout).toContain("and disabled");
  expect(await login("ann", "the second password")).toBe(401);
  expect((await users(["enable", "Ann"])).exitCode).toBe(0);
  expect((await users(["delete", "Ann"])).stdout).toBe("Ann is deleted.\n");
  const gone = await users(["disable", "Ann"]);
  expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringContaining("there is no user Ann")]);
}, 30_000);

test("a hash is made without a gateway; the configuration takes it, and one that is cut short it does not", async () => {
  using folder = configFolder({ "orcestator.yaml": "providers: { d: { type: dummy } }" });
  const options = { cwd: folder.path, stdin: "the password of the owner\n" };
  const { exitCode, stdout, stderr } = await runCli(["users", "hash"], options);
  expect([exitCode, stderr]).toEqual([0, ""]);
  const hash = stdout.trimEnd();
  expect(await Bun.password.verify("the password of the owner", hash)).toBe(true);
  expect(folder.load({ env: { ADMIN_PASSWORD: hash } }).config.admin.password).toBe(hash);
  const broken = folder.fail({ env: { ADMIN_PASSWORD: hash.slice(0, 40) } });
  expect(broken.message).toContain("ADMIN_PASSWORD");
  expect(broken.message).not.toContain(hash.slice(0, 40));
}, 20_000);

test("what is wrong is said, and no password with it", async () => {
  const short = await users(["create", "bob"], "1234567");
  expect([short.exitCode, short.stderr]).toEqual([2, expect.stringContaining("at least 8 characters")]);
  const role = await users(["create", "bob", "--role", "owner"], "canary-password");
  expect([role.exitCode, role.stderr]).toEqual([1, expect.stringContaining("admin, operator, viewer")]);
  for (const { stdout, stderr } of [short, role]) expect(stdout + stderr).not.toMatch(/1234567|canary-password/);
}, 20_000);

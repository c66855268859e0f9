import { expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { postChat } from "../support/chat.ts";
import { until } from "../support/e2e.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const adminToken = "the-admin-token";

function settingsOf(path: string, more = ""): string {
  return `
server: { anonymous: all }
admin: { token: ${adminToken} }
storage: { url: "sqlite://${path}" }
providers: { d: { type: dummy, models: [m] } }
${more}`;
}

function serve(path: string, { more = "", args = [] }: { more?: string; args?: string[] } = {}): Promise<Gateway> {
  return startGateway({ configText: settingsOf(path, more), args });
}

async function issue(gateway: Gateway): Promise<string> {
  const response = await fetch(`${gateway.origin}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ name: "x" }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { key: string }).key;
}

async function chat(gateway: Gateway, key?: string): Promise<number> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return (await postChat(gateway, { model: "m" }, { headers })).status;
}

async function noticesOf(gateway: Gateway): Promise<string[]> {
  const response = await fetch(`${gateway.origin}/health/ready`);
  return ((await response.json()) as { notices: string[] }).notices;
}

/** Everything behind the page that holds the schema. */
function damage(path: string): void {
  const file = openSync(path, "r+");
  const bytes = Buffer.alloc(statSync(path).size - 8192, 0xff);
  writeSync(file, bytes, 0, bytes.length, 8192);
  closeSync(file);
}

const lost = [expect.stringMatching(/a new one was started.*orcestator restore.*issue keys anew.*keys\.reopen/)];

test("keys that are lost with a damaged database let nobody in, until the owner says so", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "x.db");
  const first = await serve(path);
  expect(await chat(first)).toBe(200);
  const key = await issue(first);
  expect(await chat(first)).toBe(401);
  await first.stop();
  damage(path);

  // A start after the other: what the new file tells is all that they know.
  for (const args of [[], [], ["--workers", "2"]]) {
    await using gateway = await serve(path, { args: args.length === 0 || process.platform === "linux" ? args : [] });
    expect([await chat(gateway), await chat(gateway, key), await chat(gateway, adminToken)]).toEqual([401, 401, 200]);
    expect(await noticesOf(gateway)).toEqual(lost);
    await gateway.waitForOutput(/Access +nobody until a key is issued/);
  }
  expect(readdirSync(temporary.path).filter((name) => /\.corrupt-\w+$/.test(name))).toHaveLength(1);

  await using reopened = await serve(path, { more: "keys: { reopen: true }" });
  expect(await chat(reopened)).toBe(200);
  expect(await noticesOf(reopened)).toEqual([]);
  await using second = await serve(path);
  const next = await issue(second);
  expect([await chat(second), await chat(second, next), await noticesOf(second)]).toEqual([401, 200, []]);
}, 60_000);

test("damage is met by the first who reads, and the log says what became of the file and what to do", async () => {
  using temporary = temporaryFolder();
  const path = join(temporary.path, "x.db");
  const first = await serve(path);
  await issue(first);
  await first.stop();
  damage(path);
  await using gateway = await serve(path);
  await gateway.waitForOutput(
    /x\.db is damaged: moved to \S+\.corrupt-\w+, a new one was started\..*orcestator restore/,
  );
  expect((await fetch(`${gateway.origin}/health/ready`)).status).toBe(200);
}, 30_000);

test.skipIf(process.platform === "win32")(
  "a database that is removed while in use leaves nobody in: known keys hold until the end, and nobody's after it",
  async () => {
    using temporary = temporaryFolder();
    const path = join(temporary.path, "x.db");
    const first = await serve(path);
    const key = await issue(first);
    expect(await chat(first, key)).toBe(200);
    for (const name of readdirSync(temporary.path)) rmSync(join(temporary.path, name), { recursive: true });
    await first.waitForOutput(/was moved or removed while in use: a new one was started\..*orcestator restore/);
    await until(async () => (await noticesOf(first)).length === 1, "the notice");
    expect([await chat(first), await chat(first, key), await noticesOf(first)]).toEqual([401, 200, lost]);
    await first.stop();
    await using second = await serve(path);
    expect([await chat(second), await chat(second, key), await noticesOf(second)]).toEqual([401, 401, lost]);
  },
  30_000,
);

test.skipIf(process.platform === "win32")(
  "a database that never had a key lets in again whom it let in before it was removed",
  async () => {
    using temporary = temporaryFolder();
    const path = join(temporary.path, "x.db");
    await using gateway = await startGateway({
      configText: `server: { anonymous: all }\nstorage: { url: "sqlite://${path}" }\nproviders: { d: { type: dummy, models: [m] } }`,
    });
    expect(await chat(gateway)).toBe(200);
    rmSync(path);
    await gateway.waitForOutput(/was moved or removed while in use: a new one was started\.\n/);
    expect([await chat(gateway), await noticesOf(gateway)]).toEqual([200, []]);
    expect(readFileSync(path).includes("loss/database")).toBe(false);
  },
  30_000,
);

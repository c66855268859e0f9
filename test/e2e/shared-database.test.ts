import { afterAll, describe, expect, test } from "bun:test";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { startDatabaseServer } from "../support/database-servers.ts";
import { until } from "../support/e2e.ts";
import { commandOf, type Gateway, startGateway } from "../support/gateway.ts";

const adminToken = "admin-token-shared";
const secret = "pa55word-in-url";

interface Call {
  readonly token?: string;
  readonly method?: string;
  readonly body?: object;
}

async function call({ origin }: Gateway, path: string, { token = adminToken, body, method }: Call = {}) {
  const response = await fetch(`${origin}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
}

async function databaseUp({ origin }: Gateway): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const text = await (await fetch(`${origin}/metrics`, { headers })).text();
  return /^orcestator_database_up (\d)$/m.exec(text)?.[1];
}

type EngineName = "mariadb" | "postgres";

async function startPair(name: EngineName) {
  const server = await startDatabaseServer(name);
  if (server === undefined) return [];
  const upstream = await createFakeUpstream();
  const url = new URL(await server.createDatabase());
  // Neither engine asks for it here; that it is never shown is looked for all the same.
  if (name === "postgres") url.password = secret;
  const options = {
    env: { AUTH_TOKEN: adminToken, DATABASE_URL: url.href, ORCESTATOR_SECRET_KEY: "5e".repeat(32) },
    configText: `
providers: { a: { type: openai-compatible, baseUrl: "${upstream.url}", credentials: [k], models: [m] } }
prices: { models: { "a/m": { input: 1, output: 1 } } }
`,
  };
  const [first, second] = await Promise.all([startGateway(options), startGateway(options)]);
  afterAll(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await upstream.close();
    await server.stop();
  });
  const made = await call(first, "/api/keys", { body: { name: "shared", budgets: [{ usd: 5, window: "day" }] } });
  const { id, key } = made.body as { id: string; key: string };
  return [{ name, server, upstream, url, first, second, id, key }];
}

const pairs = [...(await startPair("mariadb")), ...(await startPair("postgres"))];

describe.each(pairs)("two gateways on one $name", ({ server, upstream, url, first, second, id, key }) => {
  const usage = async () => (await call(second, "/v1/usage", { token: key })).body;

  test("take the keys that either of them issues, and no more once one has disabled them", async () => {
    const ask = { token: key, body: { model: "m", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] } };
    expect((await call(first, "/v1/chat/completions", ask)).status).toBe(200);
    await until(async () => (await call(second, "/v1/chat/completions", ask)).status === 200, "the other takes it");
    const other = (await call(first, "/api/keys", { body: { name: "short-lived" } })).body as {
      id: string;
      key: string;
    };
    const otherAsk = { ...ask, token: other.key };
    await until(async () => (await call(second, "/v1/chat/completions", otherAsk)).status === 200, "it is taken");
    await fetch(`${first.origin}/api/keys/${other.id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify({ enabled: false }),
    });
    await until(async () => (await call(second, "/v1/chat/completions", otherAsk)).status === 401, "it is refused");
  }, 30_000);

  test("never both keep changes that do not fit together", async () => {
    const leftOut = async (gateway: Gateway) => (await call(gateway, "/api/config/export")).body["leftOut"];
    const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
    await call(first, "/api/providers/batch", { body: { create: names.map((name) => ({ name, type: "dummy" })) } });
    await until(async () => (await call(second, "/api/providers/p9")).status === 200, "they are known");
    for (const provider of names) {
      const body = { name: `on-${provider}`, targets: [{ provider, model: "x" }] };
      const [removed, made] = await Promise.all([
        call(first, `/api/providers/${provider}`, { method: "DELETE" }),
        call(second, "/api/models", { body }),
      ]);
      expect([removed.status, made.status]).not.toEqual([204, 201]);
    }
    await until(async () => JSON.stringify([await leftOut(first), await leftOut(second)]) === "[[],[]]", "both agree");
  }, 60_000);

  test("go on from each other's responses", async () => {
    const begun = await call(first, "/v1/responses", { token: key, body: { model: "m", input: "The word is plum." } });
    expect(begun.status).toBe(200);
    const body = { model: "m", input: "Which word?", previous_response_id: begun.body["id"] };
    await until(async () => (await call(second, "/v1/responses", { token: key, body })).status === 200, "it goes on");
    const sent = JSON.stringify(upstream.requests.at(-1)?.json);
    expect(sent).toContain("The word is plum.");
    expect(sent).toContain("Which word?");
    const foreign = await call(second, `/v1/responses/${String(begun.body["id"])}`, { token: adminToken });
    expect(foreign.status).toBe(404);
  }, 30_000);

  test("tell of each other's requests, and what a key spent at both", async () => {
    // One answer of a server that has just started may be late by `storage.timeout`.
    await until(async () => Number((await usage())["requests"]) >= 4, "requests of both are counted", 15_000);
    const child = Bun.spawn({
      cmd: [...commandOf(), "stats", "--by", "key", "--db", url.href, "--json"],
      stdout: "pipe",
    });
    const told = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    expect(told).toContain(id);
    expect(told).not.toContain(secret);
    const costs = Bun.spawn({
      cmd: [...commandOf(), "prices", "reconcile", "--since", "all", "--db", url.href],
      stdout: "pipe",
      stderr: "pipe",
    });
    expect([await costs.exited, await new Response(costs.stdout).text()]).toEqual([0, expect.any(String)]);
  }, 30_000);

  test("show the database without its password", () => {
    for (const gateway of [first, second]) {
      expect(gateway.stdout()).toMatch(/Database\s+\S+127\.0\.0\.1/);
      expect(`${gateway.stdout()}${gateway.stderr()}`).not.toContain(secret);
    }
  });

  test("say that it cannot be used, and stay ready", async () => {
    const notice = expect.stringContaining("database cannot be used");
    expect(await databaseUp(first)).toBe("1");
    expect((await call(first, "/health/ready")).body).toMatchObject({ notices: [] });
    await server.kill();
    await until(async () => (await databaseUp(first)) === "0", "it is missed", 10_000);
    expect(await call(first, "/health/ready")).toMatchObject({ status: 200, body: { notices: [notice] } });
    await call(first, "/v1/chat/completions", { token: key, body: { model: "m", max_tokens: 9, messages: [] } });
    await first.waitForOutput(/Records cannot be written to the database: [^\n]*[^.]\. Traffic goes on/);
    await server.start();
    await first.waitForOutput(/Records are written to the database again/);
    await until(async () => (await databaseUp(first)) === "1", "it is found again", 10_000);
    expect((await call(first, "/health/ready")).body).toMatchObject({ notices: [] });
  }, 40_000);
});

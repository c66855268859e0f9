import { afterAll, describe, expect, test } from "bun:test";
import { postChat } from "../support/chat.ts";
import { startRig, until } from "../support/e2e.ts";
import { startGateway } from "../support/gateway.ts";
import { ordinaryReply } from "../support/replies.ts";

const adminToken = "admin-token-e2e";
const rig = await startRig({
  env: { AUTH_TOKEN: adminToken, OR_DB_PATH: "keys.db" },
  configText: (url) => `
providers:
  a: { type: openai-compatible, baseUrl: "${url}", credentials: [k], models: [m, n, dear] }
prices:
  models: { "a/m": { input: 1, output: 1000 }, "a/n": { input: 1, output: 1 } }
`,
});
const { gateway, upstream } = rig;
afterAll(() => rig[Symbol.asyncDispose]());

interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

async function api(method: string, path: string, body?: unknown, token = adminToken): Promise<Answer> {
  const response = await fetch(`${gateway.origin}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text), headers: response.headers };
}

async function issue(fields: object = {}): Promise<{ id: string; key: string }> {
  const { body } = await api("POST", "/api/keys", { name: "e2e", ...fields });
  return body as { id: string; key: string };
}

async function chat(key: string | undefined, fields: object = {}): Promise<Answer> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const response = await postChat(gateway, { model: "m", max_tokens: 100, ...fields }, { headers });
  const text = await response.text();
  return {
    status: response.status,
    body: text.startsWith("{") ? JSON.parse(text) : { text },
    headers: response.headers,
  };
}

describe("a gateway with a database", () => {
  test("serves whoever is near without a key until there is one, and then nobody without", async () => {
    expect((await chat(undefined)).status).toBe(200);
    const { id, key } = await issue();
    expect((await chat(undefined)).status).toBe(401);
    expect((await chat(key)).status).toBe(200);
    await api("DELETE", `/api/keys/${id}`);
    for (const token of [key, undefined, "whatever"]) expect([token, (await chat(token)).status]).toEqual([token, 401]);
  });

  test("lists only what a key may use, and serves nothing else, in each protocol's words", async () => {
    const { key } = await issue({ models: ["n"] });
    const headers = { authorization: `Bearer ${key}` };
    const ids = async (path: string, more: Record<string, string> = {}): Promise<string> =>
      JSON.stringify(await (await fetch(`${gateway.origin}${path}`, { headers: { ...headers, ...more } })).json());
    const all = [
      await ids("/v1/models"),
      await ids("/v1/models", { "anthropic-version": "2023-06-01" }),
      await ids("/v1beta/models"),
      await ids("/api/tags"),
    ];
    for (const text of all) {
      expect(text).toMatch(/"(?:id|name)":"(?:models\/)?n"/);
      expect(text).not.toMatch(/"(?:id|name)":"(?:models\/)?m"/);
    }
    expect((await fetch(`${gateway.origin}/v1/models/m`, { headers })).status).toBe(404);
    const refused = await chat(key, { model: "m" });
    expect([refused.status, refused.body]).toMatchObject([403, { error: { type: expect.any(String) } }]);
    const message = await fetch(`${gateway.origin}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": key },
      body: JSON.stringify({ model: "m", max_tokens: 5, messages: [{ role: "user", content: "Hi" }] }),
    });
    expect([message.status, await message.json()]).toMatchObject([
      403,
      { type: "error", error: { type: "permission_error" } },
    ]);
  });

  test("holds a key to its budget, and says what is spent of what", async () => {
    const { id, key } = await issue({ budgets: [{ usd: 0.15, window: "day" }] });
    // 19 tokens of an answer cost 0.019 USD; 100 are reserved for.
    upstream.otherwise(ordinaryReply({ usage: { prompt_tokens: 1, completion_tokens: 19, total_tokens: 20 } }));
    const served: number[] = [];
    for (let count = 0; count < 6; count += 1) served.push((await chat(key, { stream: count % 2 === 0 })).status);
    expect(served).toEqual([200, 200, 200, 429, 429, 429]);
    const { body, headers } = await chat(key);
    expect(body["error"]).toMatchObject({ code: "insufficient_quota" });
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    const [spending] = (await api("GET", `/api/keys/${id}`)).body["spending"] as {
      spentUsd: number;
      reservedUsd: number;
    }[];
    expect(spending?.spentUsd).toBeCloseTo(0.057, 3);
    expect(spending?.reservedUsd).toBe(0);
    const usage = await untilGood(
      async () => (await api("GET", "/v1/usage", undefined, key)).body,
      (own) => own["requests"] === 7,
    );
    expect(usage).toMatchObject({ id, errors: 4, completionTokens: 57 });
  });

  test("refuses who has a budget what no price is known of", async () => {
    const { key } = await issue({ budgets: [{ usd: 5, window: "month" }] });
    const { status, body } = await chat(key, { model: "dear" });
    expect([status, JSON.stringify(body)]).toEqual([403, expect.stringContaining("budgets.unknownPrice")]);
  });

  test("holds a key to its limits, and its team to the team's", async () => {
    const team = (await api("POST", "/api/teams", { name: "t", rpm: 2 })).body as { id: string };
    const [first, second] = [await issue({ teamId: team.id, rpm: 1 }), await issue({ teamId: team.id })];
    const statuses = [];
    for (const key of [first.key, first.key, second.key, second.key]) statuses.push((await chat(key)).status);
    expect(statuses).toEqual([200, 429, 200, 429]);
  });

  test("writes nobody's token anywhere", async () => {
    const { key } = await issue({ content: "full" });
    await chat(key);
    await chat(`${key.slice(0, -1)}!`);
    await gateway.trafficLines(1);
    const stored = await Bun.file(`${gateway.cwd}/keys.db`).bytes();
    const wal = await Bun.file(`${gateway.cwd}/keys.db-wal`).bytes();
    const log = await Bun.file(gateway.trafficLog).text();
    for (const text of [
      Buffer.from(stored).toString("latin1"),
      Buffer.from(wal).toString("latin1"),
      log,
      gateway.stderr(),
      gateway.stdout(),
    ])
      expect(text).not.toContain(key);
  });

  test("describes its keys in the API documents", async () => {
    const { paths } = (await (await fetch(`${gateway.origin}/swagger/json`)).json()) as {
      paths: Record<string, object>;
    };
    for (const path of [
      "/api/keys",
      "/api/keys/{id}",
      "/api/keys/{id}/rotate",
      "/api/keys/batch",
      "/api/teams",
      "/v1/usage",
      "/api/me",
    ])
      expect(Object.keys(paths)).toContain(path);
    const created = JSON.stringify((paths["/api/keys"] as { post: object }).post);
    for (const field of ["expiresAt", "budgets", "addresses"]) expect(created).toContain(`"${field}"`);
  });
});

test("a key that one gateway has issued is nobody's at another that has not heard of it: it opens nothing", async () => {
  const options = {
    env: { AUTH_TOKEN: adminToken, OR_DB_PATH: `${gateway.cwd}/pair.db` },
    configText: `
providers: { a: { type: openai-compatible, baseUrl: "${upstream.url}", credentials: [k], models: [m, n] } }
`,
  };
  await using first = await startGateway(options);
  await using second = await startGateway(options);
  const asked = async (key?: string): Promise<number> =>
    (await postChat(second, { model: "m" }, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } }))
      .status;
  upstream.otherwise(ordinaryReply());
  expect(await asked()).toBe(200);
  const made = await fetch(`${first.origin}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ name: "for another model", models: ["n"] }),
  });
  const { key } = (await made.json()) as { key: string };
  const statuses = new Set<number>();
  await until(async () => (statuses.add(await asked(key)), statuses.has(403)), "the other gateway to know the key");
  expect([...statuses]).toEqual([401, 403]);
  expect(await asked()).toBe(401);
}, 20_000);

const askAt = (origin: string, key: string): Promise<Response> =>
  postChat({ url: `${origin}/v1` }, { model: "m", max_tokens: 60 }, { headers: { authorization: `Bearer ${key}` } });

test("what was spent is known again after the gateway was killed", async () => {
  const configText = `
storage: { url: "sqlite://../keys.db" }
providers: { a: { type: openai-compatible, baseUrl: "${upstream.url}", credentials: [k], models: [m] } }
prices: { models: { "a/m": { input: 1, output: 1000 } } }
`;
  upstream.otherwise(ordinaryReply({ usage: { prompt_tokens: 1, completion_tokens: 50, total_tokens: 51 } }));
  const folder = gateway.cwd;
  const options = {
    env: { AUTH_TOKEN: adminToken },
    configText: configText.replace("../keys.db", `${folder}/killed.db`),
  };
  const first = await startGateway(options);
  const made = await fetch(`${first.origin}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ name: "killed", budgets: [{ usd: 0.1, window: "day" }] }),
  });
  const { key } = (await made.json()) as { key: string };
  expect((await askAt(first.origin, key)).status).toBe(200);
  const isWritten = async (): Promise<boolean> =>
    (await Bun.file(`${folder}/killed.db-wal`).text()).includes(":day:UTC");
  await until(isWritten, "what was spent in the store");
  first.signal("SIGKILL");
  await first.exited;
  await using second = await startGateway(options);
  expect((await askAt(second.origin, key)).status).toBe(429);
  await first.stop();
}, 20_000);

/** Asks until the answer is what is waited for. */
async function untilGood<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean): Promise<T> {
  let answer = await ask();
  await until(async () => isGood((answer = await ask())), "the answer that was waited for");
  return answer;
}

async function statusOf(...call: Parameters<typeof api>): Promise<number> {
  return (await api(...call)).status;
}

test("what a provider keeps is open to a key that is told to, and to who looks after the gateway", async () => {
  const model = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "Hi" }] };
  const [plain, told] = [await issue(), await issue({ endpoints: ["opaque"] })];
  expect(await statusOf("POST", "/p/a/chat/completions", model, plain.key)).toBe(200);
  for (const path of ["/p/a/files", "/p/a/responses/resp_1"]) {
    const before = upstream.requests.length + upstream.others.length;
    for (const method of ["GET", "DELETE"]) expect(await statusOf(method, path, undefined, plain.key)).toBe(403);
    expect(upstream.requests.length + upstream.others.length).toBe(before);
    for (const token of [told.key, adminToken])
      expect(await statusOf("GET", path, undefined, token)).not.toBeWithin(401, 404);
  }
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { until } from "../support/e2e.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { body, failure, ordinaryReply } from "../support/replies.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const adminToken = "admin-token-replicas";
const password = "canary-redis-password";
const redis = await startRedisServer({ password });

function configOf(upstream: FakeUpstream, whenDown: string): string {
  return JSON.stringify({
    redis: { prefix: `test-${whenDown}`, whenDown },
    prices: { models: { "a/priced": { input: 0, output: 0, request: 1 } } },
    health: { maxErrors: 3, cooldown: "60s" },
    providers: {
      a: { type: "openai-compatible", baseUrl: upstream.url, credentials: ["k"], listModels: false },
    },
    models: {
      limited: { rpm: 3, targets: [{ provider: "a", model: "limited" }] },
      narrow: { concurrency: 1, targets: [{ provider: "a", model: "narrow" }] },
      kept: { targets: [{ provider: "a", model: "kept" }] },
      priced: { targets: [{ provider: "a", model: "priced" }] },
      broken: { targets: [{ provider: "a", model: "broken" }] },
    },
  });
}

async function chat({ url }: Gateway, model: string, key?: string): Promise<Response> {
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] }),
  });
  await response.clone().arrayBuffer();
  return response;
}

async function metric({ origin }: Gateway, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return text
    .split("\n")
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);
}

function suite(server: RedisServer): void {
  const folder = temporaryFolder();
  let upstream: FakeUpstream;
  let first: Gateway;
  let second: Gateway;
  let closed: Gateway;

  beforeAll(async () => {
    upstream = await createFakeUpstream();
    upstream.otherwise(ordinaryReply());
    const env = { OR_API_KEY: undefined, REDIS_URL: server.url, AUTH_TOKEN: adminToken };
    const shared = { ...env, OR_DB_PATH: join(folder.path, "shared.db") };
    first = await startGateway({ configText: configOf(upstream, "local"), env: shared });
    second = await startGateway({ configText: configOf(upstream, "local"), env: shared });
    closed = await startGateway({ configText: configOf(upstream, "closed"), env });
  }, 30_000);

  afterAll(async () => {
    await Promise.all([first.stop(), second.stop(), closed.stop()]);
    await upstream.close();
    await server.stop();
    folder[Symbol.dispose]();
  });

  test("a limit holds for both together", async () => {
    const statuses: number[] = [];
    for (const gateway of [first, second, first, second, first]) statuses.push((await chat(gateway, "limited")).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(await metric(second, "orcestator_coordination_up")).toBe("1");
    await until(async () => (await metric(second, "orcestator_coordination_replicas")) === "2", "both are seen");
  }, 15_000);

  test("who waits for the only place gets it when another gateway gives it back", async () => {
    let running = 0;
    let most = 0;
    upstream.set("narrow", async (exchange) => {
      running += 1;
      most = Math.max(most, running);
      await Bun.sleep(200);
      running -= 1;
      await ordinaryReply()(exchange);
    });
    const from = performance.now();
    const responses = await Promise.all([first, second, first, second].map((gateway) => chat(gateway, "narrow")));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(most).toBe(1);
    // Told, and not found out by asking every second.
    expect(performance.now() - from).toBeLessThan(1800);
  });

  test("failed logins count for both together", async () => {
    const guesses = Array.from({ length: 20 }, async (_, at) => {
      const response = await fetch(`${(at % 2 === 0 ? first : second).origin}/api/auth/login`, {
        method: "POST",
        body: JSON.stringify({ username: "somebody", password: "a guess" }),
      });
      return response.status;
    });
    const statuses = await Promise.all(guesses);
    // One more after a second, and another after two more; each by itself they would allow twelve at once.
    expect([6, 7, 8]).toContain(statuses.filter((status) => status === 401).length);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(12);
  }, 15_000);

  test("a circuit that opens at one is open at the other", async () => {
    upstream.set("broken", failure(500));
    for (let time = 0; time < 3; time += 1) await chat(first, "broken");
    await until(async () => {
      const response = await fetch(`${second.origin}/api/providers/a/health`, {
        headers: { authorization: `Bearer ${adminToken}` },
      });
      return /"unhealthy"/.test(await response.text());
    }, "the circuit is open at the other one");
  });

  test("a conversation goes on at the other one", async () => {
    const begun = await fetch(`${first.url}/responses`, {
      method: "POST",
      body: JSON.stringify({ model: "kept", input: "What is said first" }),
    });
    const { id } = (await begun.json()) as { id: string };
    await until(async () => {
      const response = await fetch(`${second.url}/responses`, {
        method: "POST",
        body: JSON.stringify({ model: "kept", input: "And then", previous_response_id: id }),
      });
      return response.status === 200;
    }, "the response is known at the other one");
    expect(JSON.stringify(upstream.of("kept").at(-1))).toContain("What is said first");
  });

  test("a key that is made at one is known at the other at once", async () => {
    const made = await fetch(`${first.origin}/api/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify({ name: "shared" }),
    });
    const { key } = (await made.json()) as { key: string };
    const from = performance.now();
    await until(async () => (await chat(second, "kept", key)).status === 200, "the key is known");
    expect(performance.now() - from).toBeLessThan(1000);
  });

  test("a budget that is put on a key counts what it has spent at all of them, whoever is asked next", async () => {
    const usage = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 };
    upstream.set("priced", body(JSON.stringify({ object: "chat.completion", model: "priced", choices: [], usage })));
    const headers = { authorization: `Bearer ${adminToken}` };
    async function change(method: string, path: string, fields: object): Promise<{ id: string; key: string }> {
      const response = await fetch(`${first.origin}${path}`, { method, headers, body: JSON.stringify(fields) });
      return (await response.json()) as { id: string; key: string };
    }
    const { id, key } = await change("POST", "/api/keys", { name: "bounded" });
    let served = 0;
    async function spend(gateway: Gateway): Promise<number> {
      const { status } = await chat(gateway, "priced", key);
      if (status === 200) served += 1;
      return status;
    }
    async function allow(usd: number | null): Promise<void> {
      await until(async () => {
        const logs = await fetch(`${first.origin}/api/logs?model=priced&status=200`, { headers });
        return ((await logs.json()) as { data: unknown[] }).data.length === served;
      }, "what was spent is recorded");
      await change("PATCH", `/api/keys/${id}`, { budgets: usd === null ? null : [{ usd, window: "month" }] });
      await until(async () => {
        const view = await fetch(`${second.origin}/api/keys/${id}`, { headers });
        return ((await view.json()) as { budgets?: { usd: number }[] }).budgets?.[0]?.usd === (usd ?? undefined);
      }, "the other one has heard of it");
    }

    await until(async () => (await spend(second)) === 200, "the key is known");
    for (const gateway of [first, second, first]) expect(await spend(gateway)).toBe(200);
    await allow(5);
    expect([await spend(second), await spend(second), await spend(first)]).toEqual([200, 429, 429]);
    await allow(null);
    expect([await spend(second), await spend(first)]).toEqual([200, 200]);
    await allow(8);
    expect([await spend(second), await spend(second), await spend(first)]).toEqual([200, 429, 429]);
  }, 30_000);

  describe("without Redis", () => {
    beforeAll(() => server.kill());

    test("nothing that is limited passes where it may not be counted alone, in the client's protocol", async () => {
      await until(async () => (await chat(closed, "limited")).status === 503, "it is closed");
      const response = await chat(closed, "limited");
      expect(response.headers.get("retry-after")).toBe("1");
      expect(await response.json()).toMatchObject({
        error: { message: expect.stringContaining("cannot count requests") },
      });
      const messages = await fetch(`${closed.url}/messages`, {
        method: "POST",
        body: JSON.stringify({ model: "limited", max_tokens: 5, messages: [{ role: "user", content: "Hi" }] }),
      });
      expect([messages.status, await messages.json()]).toMatchObject([529, { type: "error" }]);
      expect((await chat(closed, "kept")).status).toBe(200);
    });

    test("it is seen, in the log, the metrics and the notices, without the password", async () => {
      expect(await metric(closed, "orcestator_coordination_up")).toBe("0");
      const ready = await fetch(`${closed.origin}/health/ready`);
      expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining("cannot be counted together")]);
      await closed.waitForOutput(/Redis at 127\.0\.0\.1:\d+ cannot be used: .*Meanwhile what is limited is refused/);
      await server.start();
      await closed.waitForOutput(/counted together with other gateways again/);
      for (const gateway of [first, second, closed])
        expect(gateway.stdout() + gateway.stderr()).not.toContain(password);
      expect((await chat(closed, "limited")).status).toBe(200);
    }, 15_000);
  });
}

if (redis !== undefined) suite(redis);

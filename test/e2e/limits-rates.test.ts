import { request } from "node:http";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { failure, hangBeforeHeaders, okJson } from "../support/replies.ts";
import { ask as askAs, clients } from "./translation-clients.ts";
import { adminToken, at, startRoutingRig, type Asked, type Fields } from "./routing-rig.ts";

const limited = clients.map((_, index) => `rare-${index}`);
const to = (...names: string[]): object[] => names.map((name) => at(name, `${name}-m`));

const rig = await startRoutingRig({
  providers: {
    plain: {},
    scarce: { rpm: 1 },
    keyed: {
      balance: "priority",
      credentials: [{ key: "sk-keyed-0123456789-1", rpm: 1 }, "sk-keyed-0123456789-2"],
    },
    narrow: { concurrency: 1 },
    costly: { tpm: 3000 },
    broke: { rpm: 1 },
  },
  models: {
    ...Object.fromEntries(limited.map((name) => [name, { targets: to("plain"), rpm: 1 }])),
    "scarce-then-plain": { targets: to("scarce", "plain") },
    "scarce-alone": { targets: to("broke") },
    keyed: { targets: to("keyed") },
    narrow: { targets: to("narrow", "plain") },
    costly: { targets: to("costly", "plain") },
    words: { targets: to("plain"), tpm: 3000 },
    fallen: { targets: to("broke"), fallbacks: ["plain"] },
    plain: { targets: to("plain") },
  },
  config: { affinity: { by: "off" } },
});
const { upstream, ask, asked } = rig;
beforeEach(() => {
  upstream.clear();
  rig.forget();
});
afterAll(() => rig[Symbol.asyncDispose]());

function expectLimit({ status, message, headers }: Asked, pattern: RegExp): void {
  expect({ status, message }).toEqual({ status: 429, message: expect.stringMatching(pattern) });
  expect(Number(headers.get("retry-after"))).toBeWithin(50, 61);
}

describe("a model's limit", () => {
  test.each(clients.map((client, index) => [client.name, client, index] as const))(
    "is a 429 in the words of %s, with the rest of the minute",
    async (_, client, index) => {
      const model = limited[index] ?? "";
      const first = await askAs(rig.gateway, client, { model });
      expect([first.status, first.ok ? "" : await first.text()]).toEqual([200, ""]);
      await first.arrayBuffer();
      for (const isStream of [true, false]) {
        const second = await askAs(rig.gateway, client, { model, isStream });
        expect(second.status).toBe(429);
        expect(Number(second.headers.get("retry-after"))).toBeWithin(50, 61);
        const told = client.errorOf(await second.json(), 429);
        expect(told.message).toContain(`The limit of 1 request a minute for the model ${model} is used up`);
        expect(second.headers.get("x-orcestator-provider")).toBeNull();
      }
      expect(upstream.requests).toHaveLength(1);
    },
  );

  test("in tokens is reserved by an estimate and settled with what was used", async () => {
    const words = (fields: Fields): Promise<Asked> => ask("words", fields);
    // Each would reserve more than half of the minute, and uses 19.
    for (let index = 0; index < 3; index += 1) expect((await words({ max_tokens: 2000 })).status).toBe(200);
    upstream.otherwise(hangBeforeHeaders);
    const client = new AbortController();
    const held = ask("words", { max_tokens: 2000 }, { signal: client.signal }).catch(() => "left");
    await upstream.waitFor((request) => !request.hasEnded());
    expectLimit(
      await words({ max_tokens: 2000 }),
      /The limit of 3000 tokens a minute for the model words has no room left/,
    );
    client.abort();
    await held;
    await rig.quiet();
    upstream.otherwise(okJson());
    // Who left before the answer used nothing.
    expect((await words({ max_tokens: 2000 })).status).toBe(200);
    upstream.otherwise(failure(500));
    expect((await words({ max_tokens: 2000 })).status).toBe(503);
    upstream.otherwise(okJson({ usage: { prompt_tokens: 1000, completion_tokens: 1990, total_tokens: 2990 } }));
    expect((await words({ max_tokens: 2000 })).status).toBe(200);
    expectLimit(await words({ max_tokens: 1 }), /tokens a minute/);
  });
});

describe("a provider's limit", () => {
  test("in requests sends the next one on without asking, and the story says why", async () => {
    await ask("scarce-then-plain");
    const { id, headers } = await ask("scarce-then-plain");
    expect(asked()).toEqual(["scarce/scarce-m", "plain/plain-m"]);
    expect(headers.get("x-orcestator-attempts")).toBe("1");
    const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as { decisions: Fields };
    expect(view.decisions).toMatchObject({
      candidates: [
        { provider: "scarce", skipped: expect.stringMatching(/^provider limit rpm used up, free in \d+ s$/) },
        { provider: "plain" },
      ],
    });
    expect(await rig.metric("orcestator_limit_refusals_total", { scope: "provider", by: "rpm" })).toBe(1);
  });

  test("with nobody else is a 429 that nobody was asked for, or leads to the model's fallbacks", async () => {
    expect((await ask("scarce-alone")).status).toBe(200);
    asked();
    expectLimit(await ask("scarce-alone"), /a minute for the provider broke is used up/);
    expect((await ask("fallen")).status).toBe(200);
    expect(asked()).toEqual(["plain/plain-m"]);
  });

  test("in requests at the same time goes on to the next one as well", async () => {
    upstream.set("narrow-m", async (exchange) => {
      await exchange.pause(150);
      await okJson()(exchange);
    });
    await Promise.all([ask("narrow"), ask("narrow")]);
    expect(asked().toSorted()).toEqual(["narrow/narrow-m", "plain/plain-m"]);
  });

  test("in tokens counts what is not settled", async () => {
    upstream.set("costly-m", async (exchange) => {
      await exchange.pause(150);
      await okJson()(exchange);
    });
    await Promise.all([ask("costly", { max_tokens: 2000 }), ask("costly", { max_tokens: 2000 })]);
    expect(asked().toSorted()).toEqual(["costly/costly-m", "plain/plain-m"]);
    await ask("costly", { max_tokens: 2000 });
    expect(asked()).toEqual(["costly/costly-m"]);
  });
});

test("a credential's limit sends the next one to another credential", async () => {
  for (let index = 0; index < 3; index += 1) expect((await ask("keyed")).status).toBe(200);
  expect(upstream.requests.map(({ headers }) => headers["authorization"]?.at(-1))).toEqual(["1", "2", "2"]);
});

const keys = ["client-key-0001", "client-key-0002"] as const;
const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

test("each key has a minute of its own, the admin's among them", async () => {
  await using house = await startRoutingRig({
    providers: { one: {} },
    models: { m: { targets: [at("one", "m1")] } },
    config: { keys: { inbound: [...keys] }, limits: { key: { rpm: 2 } } },
  });
  for (const key of [...keys, adminToken]) {
    for (let index = 0; index < 2; index += 1) expect((await house.ask("m", {}, withKey(key))).status).toBe(200);
    const refused = await house.ask("m", {}, withKey(key));
    expectLimit(refused, /The limit of 2 requests a minute for the key (?:key-[0-9a-f]+|admin) is used up/);
    expect(refused.message).not.toContain(key);
    // What is no conversation counts as well.
    expect((await house.ask("m", { input: "Hi" }, { ...withKey(key), path: "/embeddings" })).status).toBe(429);
  }
  expect(house.upstream.requests).toHaveLength(6);
});

/** Status of a request that comes from an address. */
function askFrom(localAddress: string, { origin, port }: { origin: string; port: number }): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { "content-type": "application/json", host: new URL(origin).host };
  const asking = request({
    host: "127.0.0.1",
    port,
    localAddress,
    method: "POST",
    path: "/v1/chat/completions",
    headers,
  });
  asking.on("response", (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  asking.on("error", reject);
  asking.end(JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }] }));
  return promise;
}

test.if(process.platform === "linux")("each address has a minute of its own, and all of them together", async () => {
  await using house = await startRoutingRig({
    providers: { one: {} },
    models: { m: { targets: [at("one", "m1")] } },
    config: { limits: { address: { rpm: 2 }, total: { rpm: 5 } } },
  });
  const places = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const statuses: number[][] = [];
  for (const place of places)
    statuses.push([
      await askFrom(place, house.gateway),
      await askFrom(place, house.gateway),
      await askFrom(place, house.gateway),
    ]);
  expect(statuses).toEqual([
    [200, 200, 429],
    [200, 200, 429],
    [200, 429, 429],
  ]);
  expectLimit(await house.ask("m"), /a minute for (?:the address 127\.0\.0\.1|all requests together) is used up/);
});

test("a gateway with all the requests it may have at work answers others with 503 at once", async () => {
  await using house = await startRoutingRig({
    providers: { one: {} },
    models: { m: { targets: [at("one", "m1")] } },
    config: { limits: { maxRequests: 2 } },
  });
  house.upstream.otherwise(hangBeforeHeaders);
  const client = new AbortController();
  const held = [0, 1].map(() => house.ask("m", {}, { signal: client.signal }).catch(() => "left"));
  while (house.upstream.requests.length < 2) await Bun.sleep(2);
  for (const each of clients) {
    const response = await askAs(house.gateway, each, { model: "m", isStream: true });
    expect([each.name, response.status]).toEqual([each.name, each.protocol === "anthropic-messages" ? 529 : 503]);
    expect(Number(response.headers.get("retry-after"))).toBeWithin(1, 11);
    each.errorOf(await response.json(), response.status);
  }
  const more = await house.ask("m", { input: "Hi" }, { path: "/embeddings" });
  expect([more.status, more.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^\d+$/)]);
  expect((await fetch(`${house.gateway.origin}/health/ready`)).status).toBe(200);
  expect(house.upstream.requests).toHaveLength(2);
  expect(await house.metric("orcestator_requests_shed_total", { reason: "requests" })).toBe(clients.length + 1);
  client.abort();
  await Promise.all(held);
  await house.quiet();
  house.upstream.otherwise(okJson());
  expect((await house.ask("m")).status).toBe(200);
});

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { KeyGrant } from "../../src/keys/virtual-key.ts";
import { protocols } from "../../src/protocols/registry.ts";
import { openaiCompatibleAt } from "../routing/configured.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { failure, hangAfterHeaders, hangBeforeHeaders, ordinaryReply } from "../support/replies.ts";
import { grantOf, keyRig, type KeyRig, type KeyRigOptions, price } from "./key-rig.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());
beforeEach(() => upstream.clear());

const config = {
  providers: { a: openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0 }) },
  models: {
    m: { targets: [{ provider: "a", model: "m-upstream" }] },
    other: { targets: [{ provider: "a", model: "x" }] },
  },
};

const rigOf = (options: Partial<KeyRigOptions> = {}): KeyRig =>
  keyRig({ config, priceOf: () => price(0, 1000), ...options });

/** An answer of at most so many tokens costs as many thousandths of a dollar. */
const request = (tokens: number, more: object = {}): object => ({
  model: "m",
  messages: [{ role: "user", content: "Hi" }],
  max_tokens: tokens,
  ...more,
});

const reported = (usd: number) =>
  ordinaryReply({ usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, cost: usd } });

async function ask(
  rig: KeyRig,
  grant: KeyGrant,
  body: object,
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await rig.gateway.handle({ ...rig.call(grant, body), protocol: protocols["openai-chat"] });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

function spent(rig: KeyRig, { key, team }: KeyGrant): [spent: number, reserved: number] {
  const owner = team?.budgets === undefined ? key : team;
  const [view] = rig.budgets.view({ kind: "key", id: owner.id, budgets: owner.budgets ?? [] });
  return [view?.spentUsd ?? Number.NaN, view?.reservedUsd ?? Number.NaN];
}

describe("what a request cost", () => {
  test("takes the place of what it might have cost", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 10, window: "day" }] })];
    upstream.otherwise(reported(0.25));
    for (const stream of [false, true]) expect((await ask(rig, grant, request(5000, { stream }))).status).toBe(200);
    await until(() => spent(rig, grant)[1] === 0, "both settled");
    expect(spent(rig, grant)).toEqual([0.5, 0]);
  });

  test("is as estimated where nobody says", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 10, window: "day" }] })];
    upstream.otherwise(ordinaryReply({ usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }));
    await ask(rig, grant, request(2000));
    expect(spent(rig, grant)).toEqual([2, 0]);
  });

  test("is nothing where nothing was sent, or nothing but a refusal came back", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 10, window: "day" }], rpm: 2 })];
    upstream.otherwise(failure(400));
    expect((await ask(rig, grant, request(2000))).status).toBe(400);
    expect((await ask(rig, grant, { ...request(2000), model: "nobody" })).status).toBe(404);
    upstream.otherwise(failure(500));
    await ask(rig, grant, request(2000));
    expect((await ask(rig, grant, request(2000))).status).toBe(429);
    expect(spent(rig, grant)).toEqual([0, 0]);
  });

  test("is the prompt's where the client left before the first word", async () => {
    const rig = rigOf({ priceOf: () => price(1_000_000, 1000) });
    const grant = grantOf({ budgets: [{ usd: 1000, window: "day" }] });
    for (const behaviour of [hangBeforeHeaders, hangAfterHeaders()]) {
      upstream.clear();
      upstream.otherwise(behaviour);
      const [before] = spent(rig, grant);
      const client = new AbortController();
      const call = rig.call(grant, request(100_000, { stream: true }), { signal: client.signal });
      const asking = rig.gateway.handle({ ...call, protocol: protocols["openai-chat"] });
      await upstream.waitFor(() => true);
      expect(spent(rig, grant)[1]).toBeGreaterThan(100);
      client.abort();
      await asking.then((response) => response.text()).catch(() => undefined);
      await until(() => spent(rig, grant)[1] === 0, "settled");
      const prompt = spent(rig, grant)[0] - before;
      expect(prompt).toBeGreaterThan(5);
      expect(prompt).toBeLessThan(100);
    }
  });
});

describe("a budget that is used up", () => {
  test("is refused in the client's words, with what is spent of what and when it begins anew", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 3, window: "day" }] })];
    upstream.otherwise(reported(2.5));
    await ask(rig, grant, request(2000));
    const { status, text, headers } = await ask(rig, grant, request(2000));
    expect(status).toBe(429);
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    expect(error.code).toBe("insufficient_quota");
    expect(error.message).toContain("2.50 USD of 3.00 USD a day are spent");
    expect(error.message).toContain("this request may cost 2.00 USD");
    expect(error.message).toMatch(/begins anew at \d{4}-\d\d-\d\dT00:00:00Z/);
    const untilMidnight = Math.ceil((new Date().setUTCHours(24, 0, 0, 0) - Date.now()) / 1000);
    expect(Math.abs(Number(headers.get("retry-after")) - untilMidnight)).toBeLessThan(5);
    expect(upstream.requests).toHaveLength(1);
    for (const id of ["anthropic-messages", "gemini-generate", "openai-responses", "ollama-chat"] as const) {
      const call = rig.call(grant, { ...request(2000), max_output_tokens: 2000, input: "Hi", contents: [] });
      const response = await rig.gateway.handle({
        ...call,
        protocol: protocols[id],
        path: { model: "m", stream: false },
      });
      expect([id, response.status, await response.text()]).toEqual([
        id,
        429,
        expect.stringContaining("2.50 USD of 3.00 USD"),
      ]);
    }
  });

  test("is refused in words for an answer that costs more than anything", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 3, window: "day" }] })];
    const { status, text } = await ask(rig, grant, request(1e298));
    expect([status, text]).toEqual([429, expect.stringContaining("may cost more than 1,000,000,000 USD")]);
  });

  test("of a team is so for all its keys", async () => {
    const rig = rigOf();
    const team = { budgets: [{ usd: 3, window: "week" as const }] };
    upstream.otherwise(reported(2));
    expect((await ask(rig, grantOf({ id: "key_1" }, team), request(2000))).status).toBe(200);
    const { status, text } = await ask(rig, grantOf({ id: "key_2" }, team), request(2000));
    expect([status, text]).toEqual([429, expect.stringContaining("The budget of the team team_1")]);
  });

  test("lets count what costs nothing", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 0, window: "day" }] })];
    expect((await ask(rig, grant, request(10))).status).toBe(429);
    const call = { ...rig.call(grant, request(10)), protocol: protocols["anthropic-messages"], path: {} };
    expect((await rig.gateway.countTokens(call)).status).toBe(200);
  });

  test("that no window could hold is told so", async () => {
    const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 1, window: "month" }] })];
    expect((await ask(rig, grant, request(2000))).text).toContain("Lower its max_tokens");
  });
});

describe("what is set aside for a request that names no bound", () => {
  const grant = grantOf({ budgets: [{ usd: 9, window: "day" }] });

  test("is the longest usual answer, so that many at once do not spend more than there is", async () => {
    const rig = rigOf();
    upstream.otherwise(reported(4));
    const { max_tokens: _none, ...open } = request(1) as { max_tokens: number };
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(rig, grant, open)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(8);
  });

  test("is as many answers as are asked for, of pictures too", async () => {
    const rig = rigOf();
    const forward = (n: number) =>
      rig.gateway.forwardOpenai({
        ...rig.call(grant, { model: "m", prompt: "A cat", n }),
        protocol: protocols["openai-chat"],
        path: "/images/generations",
        operation: "images",
        wire: "openai-images",
      });
    for (const [n, isRefused] of [
      [10, true],
      [2, false],
    ] as const) {
      const response = await forward(n);
      await response.text();
      expect([n, response.status === 429]).toEqual([n, isRefused]);
    }
  });
});

describe("a price that is not known", () => {
  test("refuses whoever has a budget, naming the model and the setting, and nobody else", async () => {
    const rig = rigOf({ priceOf: () => undefined });
    const bounded = grantOf({ budgets: [{ usd: 10, window: "day" }] });
    for (const grant of [bounded, grantOf({}, { budgets: [{ usd: 10, window: "day" }] })]) {
      const { status, text } = await ask(rig, grant, request(10));
      expect(status).toBe(403);
      for (const words of ["'m'", "a/m-upstream", "prices.models", "budgets.unknownPrice: allow"])
        expect(text).toContain(words);
    }
    expect((await ask(rig, grantOf(), request(10))).status).toBe(200);
    expect((await ask(rig, grantOf({ budgets: [] }), request(10))).status).toBe(200);
  });

  test("passes where that is allowed, and what the upstream reports counts", async () => {
    const rig = rigOf({ priceOf: () => undefined, unknownPrice: "allow" });
    const grant = grantOf({ budgets: [{ usd: 1, window: "day" }] });
    upstream.otherwise(reported(0.75));
    expect((await ask(rig, grant, request(10))).status).toBe(200);
    expect(spent(rig, grant)).toEqual([0.75, 0]);
  });
});

test("10 USD under 200 streams at the same time are never overspent", async () => {
  const [rig, grant] = [rigOf(), grantOf({ budgets: [{ usd: 10, window: "month" }] })];
  upstream.otherwise(reported(0.3));
  let most = 0;
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const { status } = await ask(rig, grant, request(400, { stream: true }));
      const [settled, reserved] = spent(rig, grant);
      most = Math.max(most, settled + reserved);
      return status;
    }),
  );
  await until(() => spent(rig, grant)[1] === 0, "all settled");
  const served = outcomes.filter((status) => status === 200).length;
  expect(new Set(outcomes)).toEqual(new Set([200, 429]));
  expect(spent(rig, grant)[0]).toBeCloseTo(served * 0.3, 6);
  expect(most).toBeLessThanOrEqual(10 + 1e-6);
  expect(served).toBeGreaterThanOrEqual(25);
}, 20_000);

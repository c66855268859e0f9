import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { protocols } from "../../src/protocols/registry.ts";
import { openaiCompatibleAt } from "../routing/configured.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { until } from "../support/e2e.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { failure, ordinaryReply, streamOf } from "../support/replies.ts";
import { grantOf, keyRig, type KeyRig, price } from "./key-rig.ts";

const upstream = await createFakeUpstream();
afterAll(() => upstream.close());
beforeEach(() => upstream.clear());

const config = {
  providers: { a: openaiCompatibleAt(upstream.url, { credentials: ["k"], retries: 0 }) },
  models: { m: { targets: [{ provider: "a", model: "m" }] } },
};
const unlisted = ["dear", ""];

/** A token of an answer costs a thousandth of a dollar. */
const rigOf = (unknownPrice: "refuse" | "allow" = "refuse"): KeyRig =>
  keyRig({
    config,
    priceOf: ({ model }) => (unlisted.includes(model) ? undefined : price(0, 1000)),
    pricesRecords: true,
    unknownPrice,
  });

const grant = grantOf({ endpoints: ["opaque"], budgets: [{ usd: 10, window: "day" }] });

function spent(rig: KeyRig): [spent: number, reserved: number] {
  const [view] = rig.budgets.view({ kind: "key", id: grant.key.id, budgets: grant.key.budgets ?? [] });
  return [view?.spentUsd ?? Number.NaN, view?.reservedUsd ?? Number.NaN];
}

interface Asked {
  method?: string;
  path?: string;
  signal?: AbortSignal;
  /** Instead of JSON of the body. */
  text?: string;
}

function ask(rig: KeyRig, body: object, { method = "POST", path = "/chat/completions", ...more }: Asked = {}) {
  const { text = JSON.stringify(body), signal = new AbortController().signal } = more;
  const call = rig.call(grant, {}, { signal, body: new TextEncoder().encode(method === "GET" ? "" : text) });
  const place = { provider: "a", path, query: new URLSearchParams(), method };
  return rig.gateway.forwardOpaque({ ...call, ...place, protocol: protocols["openai-chat"] });
}

const request = (more: object = {}): object => ({
  model: "m",
  messages: [{ role: "user", content: "Hi" }],
  max_tokens: 2000,
  ...more,
});

const tokens = (count: number) => ({ usage: { prompt_tokens: 1, completion_tokens: count, total_tokens: count + 1 } });

describe("what a key with a budget asks for below /p/", () => {
  test("is set aside before, as its longest answer costs", async () => {
    const rig = rigOf();
    const refused = await ask(rig, request({ max_tokens: 1_000_000 }));
    expect([refused.status, await refused.text()]).toEqual([429, expect.stringContaining("1000.00 USD")]);
    expect((await ask(rig, request({ n: 6 }))).status).toBe(429);
    expect(upstream.requests).toHaveLength(0);
  });

  test("is charged by the model's price and what the upstream says it used", async () => {
    const rig = rigOf();
    upstream.otherwise(ordinaryReply(tokens(50)));
    for (const more of [{}, { stream: true }]) await (await ask(rig, request(more))).text();
    expect(spent(rig)).toEqual([expect.closeTo(0.1, 6), 0]);
    expect(rig.records.at(-1)).toMatchObject({ modelServed: expect.any(String), usage: { output: 50 }, costUsd: 0.05 });
  });

  test("costs what was estimated where the upstream says nothing", async () => {
    const rig = rigOf();
    upstream.otherwise(ordinaryReply({ usageStyle: "never" }));
    await (await ask(rig, request({ stream: true }))).text();
    expect(spent(rig)).toEqual([2, 0]);
  });

  test("costs what was estimated where the client leaves in the middle", async () => {
    const rig = rigOf();
    upstream.otherwise(streamOf((model) => [event(deltaChunk(model, { content: "one " }))], { ending: "hang" }));
    const client = new AbortController();
    const response = await ask(rig, request({ stream: true }), { signal: client.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    client.abort();
    await until(() => spent(rig)[1] === 0, "settled");
    expect(spent(rig)).toEqual([2, 0]);
  });

  test("costs nothing where it is refused", async () => {
    const rig = rigOf();
    for (const status of [400, 404, 500]) {
      upstream.otherwise(failure(status));
      const refused = await ask(rig, request());
      await refused.text();
      expect(refused.status).toBeGreaterThanOrEqual(status);
    }
    expect(spent(rig)).toEqual([0, 0]);
  });

  const unknown: Readonly<Record<string, [object, Asked?]>> = {
    "without a model": [{ messages: [] }],
    "with several": [request({ models: ["m", "dear"] })],
    "with one twice": [{}, { text: '{"model":"dear","model":"m"}' }],
    "with one in other letters": [request({ Model: "dear" })],
    "with one in the path and another in the body": [request(), { path: "/v1beta/models/dear:generateContent" }],
    "with what went before kept there": [request({ previous_response_id: "resp_1" })],
    "within a conversation kept there": [request({ conversation: { id: "conv_1" } })],
    "as no JSON": [{}, { text: "--x\r\n" }],
    "as a batch": [request(), { path: "/v1/messages/batches" }],
    "with nothing": [{}, { text: "", method: "DELETE" }],
    "by PUT": [{ messages: [] }, { method: "PUT" }],
    "by PATCH": [{ messages: [] }, { method: "PATCH" }],
  };

  test.each(Object.entries(unknown))("is refused where nobody can tell what it costs: %s", async (_how, asked) => {
    const refused = await ask(rigOf(), ...asked);
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("names one `model`")]);
    const allowed = await ask(rigOf("allow"), ...asked);
    await allowed.text();
    expect(allowed.status).not.toBe(403);
  });

  test("is refused where the model has no price, by the name in the body or in the path", async () => {
    const inPath = { path: "/v1beta/models/dear:generateContent" };
    for (const asked of [ask(rigOf(), request({ model: "dear" })), ask(rigOf(), { contents: [] }, inPath)]) {
      const refused = await asked;
      expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("a/dear")]);
    }
  });

  test("is free where it is only looked at", async () => {
    const rig = rigOf();
    const response = await ask(rig, {}, { method: "GET", path: "/models" });
    await response.text();
    expect([response.status, spent(rig)]).toEqual([200, [0, 0]]);
  });
});

test("the tokens below /p/ count for a key's own limit", async () => {
  const rig = rigOf();
  const bounded = grantOf({ tpm: 2500 });
  const call = () => ({
    ...rig.call(bounded, request()),
    provider: "a",
    path: "/chat/completions",
    query: new URLSearchParams(),
    method: "POST",
    protocol: protocols["openai-chat"],
  });
  upstream.otherwise(ordinaryReply({ usageStyle: "never", usage: {} }));
  const statuses = [];
  for (let count = 0; count < 2; count += 1) {
    const response = await rig.gateway.forwardOpaque(call());
    await response.text();
    statuses.push(response.status);
  }
  expect(statuses).toEqual([200, 429]);
});

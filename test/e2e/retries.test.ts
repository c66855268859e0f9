import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { errorOf, eventsOf, postChat } from "../support/chat.ts";
import { startRig } from "../support/e2e.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import type { Behaviour } from "../support/exchange.ts";
import { errorChunk, failure, ordinaryReply, pieces, streamOf } from "../support/replies.ts";

const single = await startRig();
const pair = await startRig({ env: { OR_API_KEY: "sk-a,sk-b" }, upstream: { credentials: ["sk-a", "sk-b"] } });
const targets = await startRig({
  configText: (url) => `
providers:
  one: {type: openai-compatible, baseUrl: "${url}", credentials: [sk-one], retries: 1}
  two: {type: openai-compatible, baseUrl: "${url}", credentials: [sk-two], retries: 1}
models:
  both: {targets: [{provider: one, model: vendor/one}, {provider: two, model: vendor/two}]}
  other: {targets: [{provider: one, model: vendor/three}, {provider: two, model: vendor/four}]}
`,
});
const rigs = [single, pair, targets];
beforeEach(() => rigs.forEach(({ upstream }) => upstream.clear()));
afterAll(() => Promise.all(rigs.map((rig) => rig[Symbol.asyncDispose]())));

const ok = ordinaryReply();
const cut: Behaviour = (exchange) => exchange.cut("rst");

async function ask(rig: typeof single, body: Record<string, unknown>) {
  const response = await postChat(rig.gateway, body);
  const text = await response.clone().text();
  return { response, text, status: response.status, attempts: rig.upstream.requests.length };
}
const keysUsed = (rig: typeof single) =>
  rig.upstream.requests.map(({ headers }) => (headers["authorization"] ?? "").slice("Bearer ".length));

/** Retries have a budget for each target, and targets a past: a name of its own for each case. */
let names = 0;
const another = (): string => `vendor/${(names += 1)}`;

describe("with one key", () => {
  let model = "";
  beforeEach(() => void (model = another()));

  for (const status of [408, 429, 500, 502, 503, 504, 524, 529]) {
    test(`${status} is tried three times, then told`, async () => {
      single.upstream.set(model, failure(status));
      expect((await ask(single, { model: model })).attempts).toBe(3);
    }, 10_000);
  }

  for (const status of [400, 401, 402, 403, 404, 413, 422]) {
    test(`${status} is not repeated`, async () => {
      single.upstream.set(model, failure(status));
      expect((await ask(single, { model: model })).attempts).toBe(1);
    });
  }

  test("a passing failure is not seen by the client, streaming or not", async () => {
    const failures = [failure(503), failure(500), cut, streamOf((shown) => [event(errorChunk(shown))]), pieces([])];
    for (const broken of failures) {
      model = another();
      single.upstream.clear();
      single.upstream.set(model, [broken, ok]);
      const { status, attempts, text } = await ask(single, { model: model, stream: true });
      expect({ status, attempts }).toEqual({ status: 200, attempts: 2 });
      expect(eventsOf(text).at(-1)).toBe("[DONE]");
    }
    model = another();
    single.upstream.clear();
    single.upstream.set(model, [failure(502), cut, ok]);
    expect(await ask(single, { model: model })).toMatchObject({ status: 200, attempts: 3 });
  }, 15_000);

  test("a stream is not repeated once content has gone to the client", async () => {
    const broken = streamOf((shown) => [event(deltaChunk(shown, { content: "Partial" }))], { ending: "rst" });
    single.upstream.set(model, [broken, ok]);
    const { text, attempts } = await ask(single, { model: model, stream: true });
    expect(attempts).toBe(1);
    expect(text).toContain(`"finish_reason":"error"`);
  });

  test("reasoning counts as content", async () => {
    for (const delta of [{ reasoning: "I think" }, { reasoning_content: "I think" }]) {
      single.upstream.clear();
      const broken = streamOf((shown) => [event(deltaChunk(shown, delta))], { ending: "rst" });
      single.upstream.set(model, [broken, ok]);
      expect((await ask(single, { model: model, stream: true })).attempts).toBe(1);
    }
  });

  test("a stream that broke before its first content is repeated, and its beginning is not shown twice", async () => {
    const broken = streamOf(
      (shown) => [
        ": OPENROUTER PROCESSING\n\n",
        event({ ...deltaChunk(shown, { role: "assistant", content: "" }), id: "gen-broken" }),
      ],
      { ending: "rst" },
    );
    single.upstream.set(model, [broken, ok]);
    const { text, attempts } = await ask(single, { model: model, stream: true });
    expect(attempts).toBe(2);
    expect(text).not.toContain("gen-broken");
  });

  test("Retry-After is waited for when it is short", async () => {
    for (const headers of [{ "retry-after-ms": "400" }, { "retry-after": "1" }] as Record<string, string>[]) {
      single.upstream.clear();
      single.upstream.set(model, [failure(429, { headers }), ok]);
      const { status, attempts } = await ask(single, { model: model });
      expect({ status, attempts }).toEqual({ status: 200, attempts: 2 });
      const [first, second] = single.upstream.requests;
      const waited = (second?.receivedAt ?? 0) - (first?.receivedAt ?? 0);
      expect(waited).toBeGreaterThan(headers["retry-after"] ? 950 : 380);
    }
  }, 10_000);

  test("Retry-After is not waited for when it is long", async () => {
    single.upstream.set(model, failure(429, { headers: { "retry-after": "50" } }));
    const startedAt = performance.now();
    const { status, attempts, response } = await ask(single, { model: model });
    expect({ status, attempts }).toEqual({ status: 429, attempts: 1 });
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(47);
  });

  test("the bytes of a repeated request are the same", async () => {
    single.upstream.set(model, [failure(500), failure(500), ok]);
    await ask(single, { model: model, metadata: { text: "👋" } });
    expect(new Set(single.upstream.requests.map(({ text }) => text)).size).toBe(1);
  }, 10_000);

  test("x-should-retry: false is on the final 503 and not on the final 429", async () => {
    single.upstream.set(model, failure(502));
    single.upstream.set("vendor/b", failure(429));
    const unavailable = await ask(single, { model: model });
    expect(unavailable.response.headers.get("x-should-retry")).toBe("false");
    expect(await errorOf(unavailable.response)).toMatchObject({ type: "server_error" });
    const limited = await ask(single, { model: "vendor/b" });
    expect(limited.response.headers.get("x-should-retry")).toBeNull();
  }, 10_000);
});

const onlyFor =
  (key: string, status: number): Behaviour =>
  (exchange) =>
    exchange.request.headers["authorization"] === `Bearer ${key}` ? failure(status)(exchange) : ok(exchange);

describe("with several keys", () => {
  test("they are used in turn", async () => {
    for (const _ of [1, 2, 3, 4]) await ask(pair, { model: "vendor/a" });
    expect(keysUsed(pair).sort()).toEqual(["sk-a", "sk-a", "sk-b", "sk-b"]);
  });

  for (const status of [401, 402, 403, 429]) {
    test(`the next one is tried at once after ${status}`, async () => {
      // A fresh gateway: a key that was refused may be left out for a while.
      await using rig = await startRig({ env: { OR_API_KEY: "sk-a,sk-b" } });
      rig.upstream.otherwise(onlyFor("sk-a", status));
      for (const stream of [false, true, false]) {
        const startedAt = performance.now();
        const { status: seen } = await ask(rig, { model: "vendor/a", stream });
        expect(seen).toBe(200);
        expect(performance.now() - startedAt).toBeLessThan(300);
      }
      const used = keysUsed(rig);
      expect(used.filter((key) => key === "sk-b")).toHaveLength(3);
      expect(used.filter((key) => key === "sk-a").length).toBeLessThanOrEqual(2);
    });

    test(`${status} for all of them is told after one try each`, async () => {
      await using rig = await startRig({ env: { OR_API_KEY: "sk-a,sk-b,sk-c" } });
      rig.upstream.otherwise(failure(status, { headers: { "retry-after": "40" } }));
      const { status: seen } = await ask(rig, { model: "vendor/a" });
      expect(seen).toBe(status === 429 || status === 402 ? 429 : 503);
      expect(keysUsed(rig).sort()).toEqual(["sk-a", "sk-b", "sk-c"]);
    });
  }

  test("spaces and empty entries in the list do not matter", async () => {
    await using rig = await startRig({ env: { OR_API_KEY: " sk-a , ,sk-b," } });
    for (const _ of [1, 2]) await ask(rig, { model: "vendor/a" });
    expect(keysUsed(rig).sort()).toEqual(["sk-a", "sk-b"]);
  });
});

describe("with several targets", () => {
  test("the next one answers when the first fails", async () => {
    targets.upstream.set("vendor/one", failure(500));
    const { status, response } = await ask(targets, { model: "both" });
    expect(status).toBe(200);
    expect(((await response.json()) as { model: string }).model).toBe("both");
    expect(targets.upstream.requests.map(({ model }) => model)).toEqual(["vendor/one", "vendor/one", "vendor/two"]);
  }, 10_000);

  test("an overloaded one is not waited for while there is another", async () => {
    targets.upstream.set("vendor/three", failure(503));
    expect(await ask(targets, { model: "other" })).toMatchObject({ status: 200, attempts: 2 });
  });

  test("all failing is a 503 after each target's own retries", async () => {
    targets.upstream.otherwise(failure(500));
    const { status, attempts } = await ask(targets, { model: "both" });
    expect({ status, attempts }).toEqual({ status: 503, attempts: 4 });
  }, 10_000);

  test("a refusal that is the client's fault is not taken elsewhere", async () => {
    targets.upstream.set("vendor/one", failure(400));
    expect(await ask(targets, { model: "both" })).toMatchObject({ status: 400, attempts: 1 });
  });
});

test("nothing wrong was sent upstream", () => {
  for (const { upstream } of rigs) expect(upstream.violations).toEqual([]);
});

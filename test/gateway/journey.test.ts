import { afterAll, afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { body, failure, okJson } from "../support/replies.ts";
import { expectAllClosed, rejectionOf, startRun, type Run } from "./rig.ts";
import { routed, type Routed } from "./routed.ts";

const upstream = await createFakeUpstream();
const jitter = spyOn(Math, "random").mockImplementation(() => 0);
beforeEach(() => upstream.clear());
afterEach(() => expectAllClosed(upstream.requests));
afterAll(async () => {
  jitter.mockRestore();
  await upstream.close();
});

type Fields = Record<string, unknown>;
const at = (provider: string): { provider: string; model: string } => ({ provider, model: `${provider}-m` });

/** Providers by name with fields of their own; the first model is the one that is asked for. */
function routedOf(providers: Record<string, Fields>, models: Record<string, Fields>, parts: Fields = {}): Routed {
  const entries = Object.entries(providers).map(([name, fields]) => [
    name,
    openaiCompatibleAt(upstream.url, { credentials: [`${name}-key`], retries: 0, ...fields }),
  ]);
  return routed(configured({ ...parts, providers: Object.fromEntries(entries), models }));
}

const modelsAsked = (): string[] => upstream.requests.map(({ model }) => model);
const keysUsed = (): string[] =>
  upstream.requests.map(({ headers }) => (headers["authorization"] ?? "").slice("Bearer ".length));
const textOf = (status: number, message: string, code: string): Behaviour =>
  body(JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code } }), { status });
const tooLong = textOf(400, "This model's maximum context length is 8 tokens.", "context_length_exceeded");
const unwanted = textOf(400, "Your request was flagged.", "content_policy_violation");
const empty = body('{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}');
const trailOf = ({ exchange }: Run) => exchange.recording.record.trail;

describe("fallbacks", () => {
  const models = {
    m: { targets: [at("a")], contentPolicyFallbacks: ["b", "c"], contextWindowFallbacks: ["c", "b"], fallbacks: ["d"] },
    b: { targets: [at("b")] },
    c: { targets: [at("c")] },
    d: { targets: [at("d")] },
  };
  const providers = { a: {}, b: {}, c: {}, d: {} };

  test("for refused content are gone through once, also when they refuse it too", async () => {
    upstream.otherwise(unwanted);
    const error = await rejectionOf(startRun({ routed: routedOf(providers, models), totalMs: 2000 }).open());
    expect(modelsAsked()).toEqual(["a-m", "b-m", "c-m"]);
    expect(error).toMatchObject({ code: "content_policy_violation", status: 400 });
  });

  test("for long prompts are gone through once, also when they are too small too", async () => {
    upstream.otherwise(tooLong);
    const error = await rejectionOf(startRun({ routed: routedOf(providers, models), totalMs: 2000 }).open());
    expect(modelsAsked()).toEqual(["a-m", "c-m", "b-m"]);
    expect(error).toMatchObject({ code: "context_length_exceeded", status: 400 });
  });

  test("for one reason lead to those for another, and to none twice", async () => {
    upstream.set("a-m", unwanted);
    upstream.set("b-m", tooLong);
    upstream.set("c-m", unwanted);
    const error = await rejectionOf(startRun({ routed: routedOf(providers, models), totalMs: 2000 }).open());
    expect(modelsAsked()).toEqual(["a-m", "b-m", "c-m"]);
    expect(error.code).toBe("content_policy_violation");
  });
});

/** A request whose answer has begun and has not ended: it holds its places. */
async function holding(table: Routed): Promise<() => void> {
  const run = startRun({ routed: table });
  await run.open();
  return () => run.exchange.recording.finish({ status: 200, endReason: "completed" });
}

async function waiting({ routing: { limiter } }: Routed, count: number): Promise<void> {
  while (limiter.waiting() !== count) await Bun.sleep(1);
}

function placesHeld({ routing: { limiter } }: Routed): number {
  return limiter.view().reduce((sum, { inUse, waiting: inLine }) => sum + inUse + inLine, 0);
}

describe("where all places are taken", () => {
  const toBoth = { m: { targets: [at("a"), at("b")] } };

  test("a request waits for one at its first choice, and says so", async () => {
    const table = routedOf({ a: { concurrency: 1 }, b: { concurrency: 1 } }, toBoth);
    const ends = [await holding(table), await holding(table)];
    const run = startRun({ routed: table });
    const opening = run.open();
    await waiting(table, 1);
    ends[0]?.();
    await opening;
    expect(modelsAsked()).toEqual(["a-m", "b-m", "a-m"]);
    expect(trailOf(run)?.waits).toMatchObject([{ for: "a place at a" }]);
    ends[1]?.();
    run.exchange.recording.finish({ status: 200, endReason: "completed" });
    expect(placesHeld(table)).toBe(0);
  });

  test("a credential that is refused after the wait is followed by the next one", async () => {
    const a = { credentials: ["k1", "k2"], balance: "priority", concurrency: 1 };
    const table = routedOf({ a }, { m: { targets: [at("a")] } });
    const end = await holding(table);
    upstream.set("a-m", [failure(401), okJson()]);
    const run = startRun({ routed: table });
    const opening = run.open();
    await waiting(table, 1);
    end();
    expect(await opening).toMatchObject({ kind: "answer" });
    expect(keysUsed()).toEqual(["k1", "k1", "k2"]);
  });

  test("a target that fails after the wait is followed by the next one", async () => {
    const table = routedOf({ a: { concurrency: 1 }, b: { concurrency: 1 } }, toBoth);
    const ends = [await holding(table), await holding(table)];
    upstream.set("a-m", failure(503));
    const run = startRun({ routed: table });
    const opening = run.open();
    await waiting(table, 1);
    ends.forEach((end) => end());
    expect(await opening).toMatchObject({ kind: "answer" });
    expect(modelsAsked()).toEqual(["a-m", "b-m", "a-m", "b-m"]);
  });

  test("the last one's empty answer is passed on after a wait too", async () => {
    const table = routedOf({ a: { concurrency: 1 }, b: {} }, toBoth);
    const end = await holding(table);
    upstream.set("a-m", empty);
    upstream.set("b-m", failure(503));
    const opening = startRun({ routed: table }).open();
    await waiting(table, 1);
    end();
    expect(await opening).toMatchObject({ kind: "answer" });
  });

  test("a queue without room is told as such, with the shortest wait", async () => {
    const limits = { queue: { size: 0 } };
    const table = routedOf({ a: { concurrency: 1 }, b: { concurrency: 1 } }, toBoth, { limits });
    const ends = [await holding(table), await holding(table)];
    const error = await rejectionOf(startRun({ routed: table }).open());
    expect(error).toMatchObject({ code: "rate_limit_exceeded", status: 429, retryAfterSeconds: 1 });
    expect(error.message).toContain("queue");
    expect(upstream.requests).toHaveLength(2);
    ends.forEach((end) => end());
    expect(placesHeld(table)).toBe(0);
  });

  test("a client that leaves the queue leaves nothing in it", async () => {
    const table = routedOf({ a: { concurrency: 1 } }, { m: { targets: [at("a")] } });
    const end = await holding(table);
    const run = startRun({ routed: table });
    const opening = rejectionOf(run.open());
    await waiting(table, 1);
    run.client.abort();
    expect((await opening).code).toBe("client_cancelled");
    end();
    expect(placesHeld(table)).toBe(0);
    expect(upstream.requests).toHaveLength(1);
  });
});

test("the last resort is waited for like others, and never a bug", async () => {
  const health = { maxErrors: 1, cooldown: "1h" };
  const table = routedOf({ a: { concurrency: 1 } }, { m: { targets: [at("a")] } }, { health });
  upstream.set("a-m", [failure(500), okJson()]);
  await rejectionOf(startRun({ routed: table }).open());
  const end = await holding(table);
  const run = startRun({ routed: table });
  const opening = run.open();
  await waiting(table, 1);
  end();
  expect(await opening).toMatchObject({ kind: "answer" });
  expect(trailOf(run)?.attempts).toMatchObject([{ kind: "last_resort", outcome: "ok" }]);
});

describe("settings of failover", () => {
  const toBoth = { m: { targets: [at("a"), at("b")] } };

  test("emptyAnswers: false passes the first empty answer on", async () => {
    upstream.set("a-m", empty);
    const table = routedOf({ a: {}, b: {} }, toBoth, { failover: { emptyAnswers: false } });
    expect(await startRun({ routed: table }).open()).toMatchObject({ kind: "answer" });
    expect(modelsAsked()).toEqual(["a-m"]);
  });

  test("retryShare and minRetries bound the repeats of all requests together", async () => {
    upstream.otherwise(failure(500));
    const failover = { retryShare: 0, minRetries: 1 };
    const table = routedOf({ a: { retries: 5 } }, { m: { targets: [at("a")] } }, { failover });
    for (let index = 0; index < 3; index += 1) await rejectionOf(startRun({ routed: table }).open());
    expect(upstream.requests).toHaveLength(4);
  });

  test("longestWait is how long a limit is waited for where nothing else is left", async () => {
    upstream.set("a-m", [failure(429, { headers: { "retry-after-ms": "80" } }), okJson()]);
    const alone = { m: { targets: [at("a")] } };
    const limited = routedOf({ a: { retries: 1 } }, alone, { failover: { longestWait: "50ms" } });
    expect((await rejectionOf(startRun({ routed: limited }).open())).retryAfterSeconds).toBeCloseTo(0.08);
    upstream.clear();
    upstream.set("a-m", [failure(429, { headers: { "retry-after-ms": "40" } }), okJson()]);
    const patient = routedOf({ a: { retries: 1 } }, alone, { failover: { longestWait: "50ms" } });
    expect(await startRun({ routed: patient }).open()).toMatchObject({ kind: "answer" });
  });
});

describe("a session's credential", () => {
  const session = { prompt_cache_key: "session-1" };

  test("that is limited for a moment is waited for where the other one is out of use", async () => {
    const a = { credentials: ["k1", "k2"], balance: "priority", retries: 1 };
    const table = routedOf({ a }, { m: { targets: [at("a")] } });
    upstream.set("a-m", [failure(401), okJson(), failure(429, { headers: { "retry-after": "0.05" } }), okJson()]);
    await startRun({ routed: table, fields: session }).open();
    expect(await startRun({ routed: table, fields: session }).open()).toMatchObject({ kind: "answer" });
    expect(keysUsed()).toEqual(["k1", "k2", "k2", "k2"]);
  });

  test("is asked first, and once", async () => {
    const table = routedOf({ a: { credentials: ["k1", "k2", "k3"] } }, { m: { targets: [at("a")] } });
    await startRun({ routed: table, fields: session }).open();
    await startRun({ routed: table, fields: session }).open();
    upstream.otherwise(failure(401));
    await rejectionOf(startRun({ routed: table, fields: session }).open());
    expect(keysUsed().slice(0, 3)).toEqual(["k1", "k1", "k1"]);
    expect(keysUsed().slice(2).sort()).toEqual(["k1", "k2", "k3"]);
  });
});

describe("a fallback's own limits", () => {
  const models = { m: { targets: [at("a")], fallbacks: ["b", "c"] }, c: { targets: [at("c")] } };
  const providers = { a: {}, b: {}, c: {} };

  test("are kept: what exceeds them goes on to the next one", async () => {
    const table = routedOf(providers, { ...models, b: { targets: [at("b")], rpm: 1 } });
    upstream.set("a-m", failure(404));
    for (let index = 0; index < 2; index += 1) await startRun({ routed: table }).open();
    expect(modelsAsked()).toEqual(["a-m", "b-m", "a-m", "c-m"]);
    expect(table.steps).toContainEqual({ kind: "limit", scope: "model", by: "rpm" });
  });

  test("are waited for, and given back with the end", async () => {
    const table = routedOf(providers, { ...models, b: { targets: [at("b")], concurrency: 1 } });
    upstream.set("a-m", failure(404));
    const end = await holding(table);
    const run = startRun({ routed: table });
    const opening = run.open();
    await waiting(table, 1);
    end();
    await opening;
    expect(modelsAsked()).toEqual(["a-m", "b-m", "a-m", "b-m"]);
    run.exchange.recording.finish({ status: 200, endReason: "completed" });
    expect(placesHeld(table)).toBe(0);
  });
});

import { afterAll, afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { eventsOf } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import type { Behaviour } from "../support/exchange.ts";
import { failure, hangBeforeHeaders, okJson, okStream, pieces } from "../support/replies.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { expectAllClosed, rejectionOf, startRun } from "./rig.ts";
import { routed, type Routed } from "./routed.ts";

const upstream = await createFakeUpstream();
// Without jitter every back-off is nothing; the tests that are about waiting name their own.
let random = 0;
const jitter = spyOn(Math, "random").mockImplementation(() => random);
beforeEach(() => {
  upstream.clear();
  random = 0;
});
// Nothing of a failed try, and nothing that a test let go, may stay open.
afterEach(() => expectAllClosed(upstream.requests));
afterAll(async () => {
  jitter.mockRestore();
  await upstream.close();
});

/** A provider per name with these credentials; the model `m` goes to them in order, as `<name>-m`. */
function tableOf(providers: Record<string, string[]>, fields: object = {}): Routed {
  const names = Object.keys(providers);
  const entries = names.map((name) => [
    name,
    openaiCompatibleAt(upstream.url, { credentials: providers[name], ...fields }),
  ]);
  const targets = names.map((provider) => ({ provider, model: `${provider}-m` }));
  return routed(configured({ providers: Object.fromEntries(entries), models: { m: { targets } } }));
}

const keysUsed = (): string[] =>
  upstream.requests.map(({ headers }) => (headers["authorization"] ?? "").slice("Bearer ".length));
const modelsAsked = (): string[] => upstream.requests.map(({ model }) => model);
const cut: Behaviour = (exchange) => exchange.cut("rst");
const limited = (seconds?: number): Behaviour =>
  failure(429, seconds === undefined ? {} : { headers: { "retry-after": String(seconds) } });

describe("on one target", () => {
  for (const [name, broken] of Object.entries({
    "503": failure(503),
    "429": limited(),
    "a reset": cut,
    "half an answer": pieces(['{"choices":'], { ending: "rst", headers: { "content-type": "application/json" } }),
  })) {
    test(`${name} is repeated as often as the provider's retries say`, async () => {
      upstream.otherwise(broken);
      const run = startRun({ routed: tableOf({ one: ["k"] }, { retries: 3 }) });
      await rejectionOf(run.open());
      // A kept-alive connection that dies before its answer says nothing of the upstream: once more, uncounted.
      const uncounted = name === "a reset" ? 1 : 0;
      expect(upstream.requests).toHaveLength(4 + uncounted);
      expect(run.exchange.recording.record).toMatchObject({ attempts: 4, retries: 3 });
      expect(run.outcomes).toHaveLength(4);
    });
  }

  test("the repeat that works is the answer", async () => {
    upstream.set("one-m", [cut, failure(500), okJson()]);
    const run = startRun({ routed: tableOf({ one: ["k"] }) });
    expect(await run.open()).toMatchObject({ kind: "answer" });
    expect(run.outcomes).toEqual(["one:upstream_error", "one:upstream_error", "one:ok"]);
    expect(run.exchange.recording.record).toMatchObject({ attempts: 3, retries: 2 });
  });

  test("a refusal is not repeated", async () => {
    for (const status of [400, 404, 409, 413, 422]) {
      upstream.clear();
      upstream.otherwise(failure(status));
      const run = startRun({ routed: tableOf({ one: ["k"] }) });
      expect((await rejectionOf(run.open())).status).toBe(status);
      expect([upstream.requests.length, run.exchange.recording.record.retries]).toEqual([1, 0]);
    }
  });

  test("retries: 0 is one try", async () => {
    upstream.otherwise(failure(503));
    await rejectionOf(startRun({ routed: tableOf({ one: ["k"] }, { retries: 0 }) }).open());
    expect(upstream.requests).toHaveLength(1);
  });

  test("a stream that breaks before its first content is repeated, one that breaks after is not", async () => {
    const role = 'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n';
    const content = 'data: {"choices":[{"delta":{"content":"x"}}]}\n\n';
    upstream.set("one-m", [
      pieces([": hello\n\n", role], { ending: "rst" }),
      pieces([role]),
      pieces([role, 'data: {"error":{"code":502,"message":"m"}}\n\n']),
      okStream(),
    ]);
    const early = startRun({ routed: tableOf({ one: ["k"] }, { retries: 5 }), stream: true });
    const opened = await early.open();
    expect(early.outcomes.at(-1)).toBe("one:ok");
    expect(upstream.requests).toHaveLength(4);
    if (opened.kind === "stream") opened.reply.cancel();
    upstream.clear();
    upstream.set("one-m", pieces([role + content], { ending: "fin", framing: "close" }));
    const late = await startRun({ routed: tableOf({ one: ["k"] }), stream: true }).open();
    expect(upstream.requests).toHaveLength(1);
    if (late.kind === "stream") late.reply.cancel();
  });
});

describe("waiting", () => {
  test("lasts as the jitter says, under a ceiling that doubles", async () => {
    random = 0.1;
    upstream.otherwise(failure(503));
    const from = performance.now();
    await rejectionOf(startRun({ routed: tableOf({ one: ["k"] }) }).open());
    expect(performance.now() - from).toBeGreaterThanOrEqual(20 + 40 - 2);
    expect(performance.now() - from).toBeLessThan(1000);
  });

  test("lasts at least as long as the upstream asks, when that is short", async () => {
    upstream.set("one-m", [limited(0.06), okJson()]);
    const from = performance.now();
    await startRun({ routed: tableOf({ one: ["k"] }) }).open();
    expect(performance.now() - from).toBeGreaterThanOrEqual(59);
  });

  test("is the client's to do when the upstream asks for more than five seconds", async () => {
    upstream.otherwise(limited(6));
    const from = performance.now();
    const error = await rejectionOf(startRun({ routed: tableOf({ one: ["k"] }) }).open());
    expect(error).toMatchObject({ code: "rate_limit_exceeded", retryAfterSeconds: 6 });
    expect(upstream.requests).toHaveLength(1);
    expect(performance.now() - from).toBeLessThan(500);
  });

  test("ends at once when the client leaves", async () => {
    upstream.otherwise(limited(4));
    const run = startRun({ routed: tableOf({ one: ["k"] }) });
    const opening = rejectionOf(run.open());
    const first = await upstream.waitFor(() => true);
    await first.ended;
    await Bun.sleep(20);
    const from = performance.now();
    run.client.abort();
    expect((await opening).code).toBe("client_cancelled");
    expect(performance.now() - from).toBeLessThan(100);
    expect(upstream.requests).toHaveLength(1);
    expect(run.exchange.recording.record).toMatchObject({ attempts: 1, retries: 0 });
  });

  test("is not begun when the total time would be over before", async () => {
    upstream.otherwise(limited(4));
    const error = await rejectionOf(startRun({ routed: tableOf({ one: ["k"] }), totalMs: 60 }).open());
    expect(error).toMatchObject({ code: "rate_limit_exceeded", retryAfterSeconds: 4 });
  });
});

describe("with several credentials", () => {
  test("they take turns", async () => {
    const table = tableOf({ one: ["a", "b", "c"] });
    for (let count = 0; count < 4; count += 1) await startRun({ routed: table }).open();
    expect(keysUsed()).toEqual(["a", "b", "c", "a"]);
  });

  for (const status of [401, 402, 403, 429]) {
    test(`${status} moves to the next one at once, and the refused one is left out of the next requests`, async () => {
      upstream.otherwise((exchange) =>
        (exchange.request.headers["authorization"] === "Bearer a" ? failure(status) : okJson())(exchange),
      );
      const table = tableOf({ one: ["a", "b", "c"] });
      const run = startRun({ routed: table });
      await run.open();
      expect(keysUsed()).toEqual(["a", "b"]);
      expect(run.exchange.recording.record).toMatchObject({ attempts: 2, retries: 0 });
      for (let count = 0; count < 6; count += 1) await startRun({ routed: table }).open();
      expect(keysUsed().filter((key) => key === "a")).toHaveLength(1);
    });
  }

  test("a failure that is not the credential's is met with the same one", async () => {
    upstream.otherwise(failure(500));
    await rejectionOf(startRun({ routed: tableOf({ one: ["a", "b"] }) }).open());
    expect(keysUsed()).toEqual(["a", "a", "a"]);
  });

  test("each is tried once when all are refused, and the last refusal is told", async () => {
    upstream.otherwise(failure(401));
    const error = await rejectionOf(startRun({ routed: tableOf({ one: ["a", "b", "c"] }) }).open());
    expect(error.code).toBe("upstream_rejected_credential");
    expect(keysUsed()).toEqual(["a", "b", "c"]);
  });

  test("a limited one that is alone at last is tried again", async () => {
    upstream.otherwise(limited());
    await rejectionOf(startRun({ routed: tableOf({ one: ["a", "b"] }) }).open());
    expect(keysUsed()).toEqual(["a", "b", "b", "b"]);
  });

  test("a cooling one is still used when it is the only hope", async () => {
    upstream.otherwise(failure(401));
    const table = tableOf({ one: ["a", "b"] });
    await rejectionOf(startRun({ routed: table }).open());
    upstream.clear();
    expect(await startRun({ routed: table }).open()).toMatchObject({ kind: "answer" });
  });

  test("none is offered a request that is at fault itself", async () => {
    upstream.otherwise(failure(400));
    await rejectionOf(startRun({ routed: tableOf({ one: ["a", "b"], two: ["c"] }) }).open());
    expect(keysUsed()).toEqual(["a"]);
  });
});

describe("with several targets", () => {
  test("the next one is asked for its own model when the first is spent", async () => {
    upstream.set("one-m", failure(500));
    const run = startRun({ routed: tableOf({ one: ["a"], two: ["b"] }, { retries: 1 }) });
    await run.open();
    expect(modelsAsked()).toEqual(["one-m", "one-m", "two-m"]);
    expect(run.outcomes).toEqual(["one:upstream_error", "one:upstream_error", "two:ok"]);
    expect(run.exchange.recording.record).toMatchObject({ attempts: 3, retries: 1 });
  });

  test("a limit is not waited for while there is another one", async () => {
    upstream.set("one-m", limited(3));
    const from = performance.now();
    await startRun({ routed: tableOf({ one: ["a"], two: ["b"] }) }).open();
    expect(modelsAsked()).toEqual(["one-m", "two-m"]);
    expect(performance.now() - from).toBeLessThan(500);
  });

  const tellings: readonly [string, Behaviour, Behaviour, { code: string; retryAfterSeconds?: number | undefined }][] =
    [
      [
        "two limits: the shorter wait",
        limited(30),
        limited(20),
        { code: "rate_limit_exceeded", retryAfterSeconds: 20 },
      ],
      [
        "two limits: the shorter wait, whichever came first",
        limited(20),
        limited(30),
        { code: "rate_limit_exceeded", retryAfterSeconds: 20 },
      ],
      [
        "a limit that names its wait rather than one that does not",
        limited(30),
        limited(),
        { code: "rate_limit_exceeded", retryAfterSeconds: 30 },
      ],
      ["a failure rather than the limit before it", limited(30), failure(502), { code: "upstream_error" }],
      ["a failure rather than the limit after it", failure(502), limited(30), { code: "upstream_error" }],
      ["the newest of two failures", failure(502), failure(504), { code: "upstream_timeout" }],
      ["the newest of a refused credential and a failure", failure(401), failure(502), { code: "upstream_error" }],
    ];
  for (const [name, first, second, told] of tellings) {
    test(`the client is told ${name}`, async () => {
      upstream.set("one-m", first);
      upstream.set("two-m", second);
      expect(
        await rejectionOf(startRun({ routed: tableOf({ one: ["a"], two: ["b"] }, { retries: 0 }) }).open()),
      ).toMatchObject(told);
    });
  }

  test("none is asked any more when the client has left", async () => {
    upstream.set("one-m", hangBeforeHeaders);
    const run = startRun({ routed: tableOf({ one: ["a", "b"], two: ["c"] }) });
    const opening = rejectionOf(run.open());
    const received = await upstream.waitFor(() => true);
    run.client.abort();
    expect((await opening).code).toBe("client_cancelled");
    expect(await received.ended).toBe("aborted");
    expect(upstream.requests).toHaveLength(1);
    expect(run.outcomes).toEqual(["one:client_cancelled"]);
  });

  test("a slow first one is given up after its firstByte time", async () => {
    upstream.set("one-m", hangBeforeHeaders);
    upstream.set("two-m", okStream());
    const table = tableOf({ one: ["a"], two: ["b"] }, { retries: 0, timeouts: { firstByte: "50ms" } });
    const opened = await startRun({ routed: table, stream: true }).open();
    expect(modelsAsked()).toEqual(["one-m", "two-m"]);
    if (opened.kind !== "stream") throw new Error("no stream");
    expect(eventsOf(opened.held)[0]).toMatchObject({ model: "m" });
    opened.reply.cancel();
  });
});

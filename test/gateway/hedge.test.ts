import { afterAll, afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { body, failure, hangBeforeHeaders, okJson, okStream } from "../support/replies.ts";
import { expectAllClosed, rejectionOf, startRun, type Run } from "./rig.ts";
import { routed, targetOf, type Routed } from "./routed.ts";

const upstream = await createFakeUpstream();
const jitter = spyOn(Math, "random").mockImplementation(() => 0);
beforeEach(() => upstream.clear());
afterEach(() => expectAllClosed(upstream.requests));
afterAll(async () => {
  jitter.mockRestore();
  await upstream.close();
});

/** Well before the hedge and well after it. */
const hedgeAfter = "40ms";
const empty = body('{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}');

/** Answers when the test says so. */
function gated(behaviour: Behaviour): { behaviour: Behaviour; open: () => void } {
  const gate = Promise.withResolvers<void>();
  return {
    open: gate.resolve,
    async behaviour(exchange) {
      await gate.promise;
      await behaviour(exchange);
    },
  };
}

/** The model `m` goes to `a`, then `b` and so on, each asked for `<name>-m`. */
function hedgedOver(names: readonly string[], fields: object = {}, model: object = {}): Routed {
  const providers = names.map((name) => [
    name,
    openaiCompatibleAt(upstream.url, { credentials: [`${name}-key`], retries: 0, ...fields }),
  ]);
  const targets = names.map((provider) => ({ provider, model: `${provider}-m` }));
  return routed(
    configured({ providers: Object.fromEntries(providers), models: { m: { targets, hedgeAfter, ...model } } }),
  );
}

const modelsAsked = (): string[] => upstream.requests.map(({ model }) => model);
const asked = (model: string) => upstream.waitFor((request) => request.model === model);

function attemptsOf({ exchange }: Run): string[] {
  const attempts = exchange.recording.record.trail?.attempts ?? [];
  return attempts.map(({ provider, kind, outcome }) => `${provider} ${kind} ${outcome}`);
}

function placesHeld({ routing: { limiter } }: Routed): number {
  return limiter.view().reduce((sum, { inUse }) => sum + inUse, 0);
}

function finish({ exchange }: Run): void {
  exchange.recording.finish({ status: 200, endReason: "completed" });
}

const hedges = ({ steps }: Routed) => steps.filter(({ kind }) => kind === "hedge");

describe("a target that begins in time", () => {
  test("is the only one that is asked", async () => {
    const table = hedgedOver(["a", "b"]);
    const run = startRun({ routed: table });
    await run.open();
    await Bun.sleep(50);
    expect(modelsAsked()).toEqual(["a-m"]);
    expect(hedges(table)).toEqual([]);
  });

  test("and fails is followed by the next one, which is asked like any other", async () => {
    upstream.set("a-m", failure(500));
    const table = hedgedOver(["a", "b"]);
    const run = startRun({ routed: table });
    expect(await run.open()).toMatchObject({ kind: "answer" });
    expect(attemptsOf(run)).toEqual(["a first upstream_error", "b failover ok"]);
    expect(hedges(table)).toEqual([]);
  });

  test("and fails leaves the last word to the next one, be it an empty answer", async () => {
    upstream.set("a-m", failure(500));
    upstream.set("b-m", empty);
    expect(await startRun({ routed: hedgedOver(["a", "b"]) }).open()).toMatchObject({ kind: "answer" });
  });

  test("and refuses the request ends it", async () => {
    upstream.set("a-m", failure(400));
    expect((await rejectionOf(startRun({ routed: hedgedOver(["a", "b"]) }).open())).status).toBe(400);
    expect(modelsAsked()).toEqual(["a-m"]);
  });
});

const discard = async (run: Run): Promise<void> => {
  const opened = await run.open();
  if (opened.kind === "stream") opened.reply.cancel();
};

describe.each([true, false])("a target that is late (stream: %p)", (stream) => {
  const ok = stream ? okStream() : okJson();

  test("is called off when the other one begins first, and nothing is held against it", async () => {
    upstream.set("a-m", hangBeforeHeaders);
    upstream.set("b-m", ok);
    const table = hedgedOver(["a", "b"], { concurrency: 5 });
    const run = startRun({ routed: table, stream });
    await discard(run);
    const [first] = upstream.requests;
    expect(await first?.ended).toBe("aborted");
    expect(attemptsOf(run).toSorted()).toEqual(["a first called_off", "b hedge ok"]);
    expect(hedges(table)).toEqual([{ kind: "hedge", provider: "b", outcome: "won" }]);
    expect(targetOf(table, "m").health.view()).toMatchObject({ status: "healthy", errorsInRow: 0, inFlight: 0 });
    expect(run.exchange.recording.record).toMatchObject({ attempts: 2, retries: 0 });
    finish(run);
    expect(placesHeld(table)).toBe(0);
  });

  test("may still win", async () => {
    const slow = gated(ok);
    upstream.set("a-m", slow.behaviour);
    upstream.set("b-m", hangBeforeHeaders);
    const table = hedgedOver(["a", "b"], { concurrency: 5 });
    const run = startRun({ routed: table, stream });
    const opening = discard(run);
    const second = await asked("b-m");
    slow.open();
    await opening;
    expect(await second.ended).toBe("aborted");
    expect(attemptsOf(run).toSorted()).toEqual(["a first ok", "b hedge called_off"]);
    expect(hedges(table)).toEqual([{ kind: "hedge", provider: "b", outcome: "lost" }]);
    finish(run);
    expect(placesHeld(table)).toBe(0);
  });

  test("and fails then leaves it to the other one, and is not called off besides", async () => {
    const [slow, slower] = [gated(failure(500)), gated(ok)];
    upstream.set("a-m", slow.behaviour);
    upstream.set("b-m", slower.behaviour);
    const table = hedgedOver(["a", "b"]);
    const run = startRun({ routed: table, stream });
    const opening = discard(run);
    await asked("b-m");
    slow.open();
    while (run.outcomes.length === 0) await Bun.sleep(1);
    slower.open();
    await opening;
    expect(attemptsOf(run)).toEqual(["a first upstream_error", "b hedge ok"]);
    expect(run.outcomes).toEqual(["a:upstream_error", "b:ok"]);
  });

  test("and fails as the other one does is told with it, and the third one is asked", async () => {
    const slow = gated(failure(500));
    upstream.set("a-m", slow.behaviour);
    upstream.set("b-m", failure(503));
    upstream.set("c-m", failure(502));
    const table = hedgedOver(["a", "b", "c"], { concurrency: 5 });
    const run = startRun({ routed: table, stream });
    const opening = rejectionOf(run.open());
    const second = await asked("b-m");
    await second.ended;
    slow.open();
    const error = await opening;
    expect(error.message).toMatch(/Tried in order: b\/b-m \(503 .*a\/a-m \(500 .*c\/c-m \(502 /);
    expect(modelsAsked()).toEqual(["a-m", "b-m", "c-m"]);
    expect(hedges(table)).toEqual([{ kind: "hedge", provider: "b", outcome: "failed" }]);
    run.exchange.recording.finish({ status: 503, endReason: "upstream_error", error });
    expect(placesHeld(table)).toBe(0);
  });

  test("is let go with the other one when the client leaves", async () => {
    upstream.set("a-m", hangBeforeHeaders);
    upstream.set("b-m", hangBeforeHeaders);
    const table = hedgedOver(["a", "b"], { concurrency: 5 });
    const run = startRun({ routed: table, stream });
    const opening = rejectionOf(run.open());
    await asked("b-m");
    run.client.abort();
    expect((await opening).code).toBe("client_cancelled");
    expect(await Promise.all(upstream.requests.map(({ ended }) => ended))).toEqual(["aborted", "aborted"]);
    expect(targetOf(table, "m").health.view()).toMatchObject({ errorsInRow: 0, inFlight: 0 });
    expect(placesHeld(table)).toBe(0);
  });
});

test("a second target without room is no reason to wait for it", async () => {
  const slow = gated(okJson());
  upstream.set("a-m", slow.behaviour);
  const table = hedgedOver(["a", "b"], { rpm: 1 });
  const { limiter } = table.routing;
  const scope = table.table.upstreams.find(({ name }) => name === "b")?.scope;
  if (scope === undefined) throw new Error("b has no limits");
  void limiter.take([scope], { tokens: () => 0, priority: 0 });
  const run = startRun({ routed: table });
  const opening = run.open();
  while (!table.steps.some(({ kind }) => kind === "limit")) await Bun.sleep(1);
  slow.open();
  expect(await opening).toMatchObject({ kind: "answer" });
  expect(modelsAsked()).toEqual(["a-m"]);
});

test("one target has nobody to be hedged with", async () => {
  const slow = gated(okJson());
  upstream.set("a-m", slow.behaviour);
  const run = startRun({ routed: hedgedOver(["a"]) });
  const opening = run.open();
  await Bun.sleep(50);
  slow.open();
  expect(await opening).toMatchObject({ kind: "answer" });
  expect(modelsAsked()).toEqual(["a-m"]);
});

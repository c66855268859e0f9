import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { eventsOf } from "../support/chat.ts";
import { failure, hangBeforeHeaders, okJson, ordinaryReply } from "../support/replies.ts";
import { at, startRoutingRig, type Asked, type Fields } from "./routing-rig.ts";

const keys = ["client-key-0001", "client-key-0002"] as const;
const withKey = (key: string): { headers: Record<string, string> } => ({ headers: { authorization: `Bearer ${key}` } });
const mine = withKey(keys[0]);

const rig = await startRoutingRig({
  providers: { one: {}, two: {} },
  models: {
    "hedged-*": { targets: [at("one", "h1-*"), at("two", "h2-*")], hedgeAfter: "60ms" },
    "single-*": { targets: [at("one", "s1-*"), at("two", "s2-*")], singleFlight: true },
  },
  config: { keys: { inbound: [...keys] }, affinity: { by: "off" } },
});
const { upstream, ask } = rig;
let number = 0;
beforeEach(() => {
  upstream.clear();
  number += 1;
});
afterAll(() => rig[Symbol.asyncDispose]());

async function decisionsOf(
  id: string,
): Promise<{ attempts: { provider: string; kind: string; outcome: string }[]; waits: object[] }> {
  const response = await rig.admin(`/api/requests/${id}`);
  return ((await response.json()) as { decisions: Awaited<ReturnType<typeof decisionsOf>> }).decisions;
}

const set = (place: string, behaviour: Behaviour): void => upstream.set(`${place}-${number}`, behaviour);

describe.each([true, false])("a hedged request (stream: %p)", (stream) => {
  const hedged = (): Promise<Asked> => ask(`hedged-${number}`, { stream }, mine);
  test("is answered by the second target when the first is late, which is let go", async () => {
    set("h1", hangBeforeHeaders);
    const won = await rig.metric("orcestator_hedges_total", { outcome: "won" });
    const { status, text, headers, id } = await hedged();
    expect([status, headers.get("x-orcestator-provider"), headers.get("x-orcestator-attempts")]).toEqual([
      200,
      "two",
      "2",
    ]);
    if (stream) expect(eventsOf(text).at(-1)).toBe("[DONE]");
    const [late] = upstream.of(`h1-${number}`);
    expect(await late?.ended).toBe("aborted");
    expect(await rig.metric("orcestator_hedges_total", { outcome: "won" })).toBe(won + 1);
    const { attempts } = await decisionsOf(id);
    expect(attempts.map(({ provider, kind, outcome }) => `${provider} ${kind} ${outcome}`).toSorted()).toEqual([
      "one first called_off",
      "two hedge ok",
    ]);
    await rig.quiet();
    const { targets } = await rig.healthOf("one");
    expect(targets.find(({ model }) => model === `h1-${number}`)).toMatchObject({ errors: 0, inFlight: 0 });
  });

  test("that fails at both is told with both", async () => {
    set("h1", async (exchange) => {
      await exchange.pause(90);
      await failure(500)(exchange);
    });
    set("h2", async (exchange) => {
      await exchange.pause(90);
      await failure(503)(exchange);
    });
    const { status, message } = await hedged();
    expect(status).toBe(503);
    expect(message).toMatch(/Tried in order: one\/h1-\d+ \(500 [^)]*\), two\/h2-\d+ \(503 /);
    expect(await rig.metric("orcestator_hedges_total", { outcome: "failed" })).toBeGreaterThan(0);
  });

  test("is let go at both when its client leaves", async () => {
    set("h1", hangBeforeHeaders);
    set("h2", hangBeforeHeaders);
    const client = new AbortController();
    const asking = ask(`hedged-${number}`, { stream }, { ...mine, signal: client.signal }).catch(() => "left");
    await until(() => upstream.requests.length === 2, "both are asked");
    client.abort();
    expect(await asking).toBe("left");
    for (const { ended } of upstream.requests) expect(await ended).toBe("aborted");
    await rig.quiet();
  });
});

const single = (fields: Fields = {}, options: Parameters<typeof ask>[2] = mine): Promise<Asked> =>
  ask(`single-${number}`, fields, options);
const sent = (): number => upstream.requests.length;
/** The upstream answers when the test says so. */
function gate(): () => void {
  const opened = Promise.withResolvers<void>();
  upstream.otherwise(async (exchange) => {
    await opened.promise;
    await ordinaryReply()(exchange);
  });
  return opened.resolve;
}
const active = (count: number): Promise<void> =>
  until(async () => (await rig.metric("orcestator_active_requests")) === count, `${count} requests at work`);

describe("equal requests at the same time", () => {
  test("are sent once, and each has an answer, an id and a record of its own", async () => {
    const open = gate();
    const all = Array.from({ length: 10 }, () => single());
    await active(10);
    open();
    const answers = await Promise.all(all);
    expect(sent()).toBe(1);
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(10);
    const views = await Promise.all(
      answers.map(
        async ({ id }) => (await (await rig.admin(`/api/requests/${id}`)).json()) as Fields & { usage: Fields },
      ),
    );
    // What was used is told once.
    expect(views.filter(({ usage }) => usage["output"] !== null)).toHaveLength(1);
    expect(views.filter(({ attempts }) => attempts === 1)).toHaveLength(1);
    expect(views.every(({ provider, status }) => provider === "one" && status === 200)).toBe(true);
    expect(views.filter(({ summary }) => JSON.stringify(summary).includes("for an equal request"))).toHaveLength(9);
  });

  test("of different keys, and those that differ, are not", async () => {
    const open = gate();
    const all = [
      single(),
      single({}, withKey(keys[1])),
      single({ temperature: 0.5 }),
      single({}, { headers: { ...mine.headers, "x-orcestator-provider": "two" } }),
      single({ stream: true }),
      single({ stream: true }),
    ];
    await until(() => sent() === all.length, "all are sent");
    open();
    for (const { status } of await Promise.all(all)) expect(status).toBe(200);
  });

  test("go on when the first of them leaves, and end when the last one does", async () => {
    const open = gate();
    const leader = new AbortController();
    const left = single({}, { ...mine, signal: leader.signal }).catch(() => "left");
    await until(() => sent() === 1, "the first is sent");
    const others = [single(), single()];
    await active(3);
    leader.abort();
    expect(await left).toBe("left");
    await active(2);
    open();
    for (const { status } of await Promise.all(others)) expect(status).toBe(200);
    expect(sent()).toBe(1);

    upstream.otherwise(hangBeforeHeaders);
    const client = new AbortController();
    const both = [0, 1].map(() => single({ seed: 2 }, { ...mine, signal: client.signal }).catch(() => "left"));
    await active(2);
    await until(() => sent() === 2, "it is sent");
    client.abort();
    await Promise.all(both);
    expect(await upstream.requests[1]?.ended).toBe("aborted");
    await active(0);
  });

  test("share a failure, and each is told it", async () => {
    const opened = Promise.withResolvers<void>();
    upstream.otherwise(async (exchange) => {
      await opened.promise;
      await failure(400, { message: "No." })(exchange);
    });
    const all = [single(), single(), single()];
    await active(3);
    opened.resolve();
    for (const { status, message } of await Promise.all(all)) expect([status, message]).toEqual([400, "No."]);
    expect(sent()).toBe(1);
  });

  test("fail over together", async () => {
    upstream.set(`s1-${number}`, async (exchange) => {
      await exchange.pause(100);
      await failure(503)(exchange);
    });
    upstream.set(`s2-${number}`, okJson());
    const answers = await Promise.all([single(), single(), single()]);
    expect(answers.map(({ status, headers }) => [status, headers.get("x-orcestator-provider")])).toEqual(
      Array.from({ length: 3 }, () => [200, "two"]),
    );
    expect(sent()).toBe(2);
  });
});

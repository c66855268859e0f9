import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { postChat } from "../support/chat.ts";
import { until } from "../support/e2e.ts";
import type { Exchange } from "../support/exchange.ts";
import { failure, ordinaryReply } from "../support/replies.ts";
import { ask as askAs, clients } from "./translation-clients.ts";
import { at, startRoutingRig, type Asked, type RoutingRig } from "./routing-rig.ts";

const queue = { size: 4, wait: "30s" };
const rig = await startRoutingRig({
  providers: { local: { concurrency: 1 }, modest: {}, twin: { concurrency: 1 }, sister: { concurrency: 1 } },
  models: {
    m: { targets: [at("local", "m1")] },
    own: { targets: [at("modest", "o1")], concurrency: 1 },
    twins: { targets: [at("twin", "t1"), at("sister", "t2")] },
  },
  config: { server: { heartbeat: "50ms" }, keys: { overrides: "all" }, limits: { queue }, affinity: { by: "off" } },
});
const { upstream, ask } = rig;
/** Requests that the upstream has and does not answer before the test says so, in the order they came. */
let held: Exchange[] = [];
beforeEach(() => {
  upstream.clear();
  held = [];
  upstream.otherwise((exchange) => void held.push(exchange));
});
afterEach(async () => {
  upstream.otherwise(ordinaryReply());
  for (const exchange of held) if (!exchange.hasEnded()) void ordinaryReply()(exchange);
  await rig.quiet();
});
afterAll(() => rig[Symbol.asyncDispose]());

function answer(index: number): void {
  const exchange = held[index];
  if (exchange === undefined) throw new Error(`there is no request ${index}`);
  void ordinaryReply()(exchange);
}
const atWork = (count: number): Promise<void> => until(() => held.length === count, `${count} requests upstream`);
const inLine = (count: number, { metric }: RoutingRig = rig): Promise<void> =>
  until(async () => (await metric("orcestator_queue_waiting")) === count, `${count} requests wait`);
/** What the waiting requests are told apart by. */
const named = (name: string, more: object = {}): Promise<Asked> => ask("m", { user: name, ...more });
const order = (): unknown[] => upstream.requests.map(({ json }) => json?.["user"]);

/** A stream of which one can see what has come so far. */
async function open(model: string, more: object = {}) {
  const client = new AbortController();
  const response = await postChat(rig.gateway, { model, stream: true, ...more }, { signal: client.signal });
  let text = "";
  const done = (async () => {
    const decoder = new TextDecoder();
    if (response.body !== null)
      for await (const bytes of response.body) text += decoder.decode(bytes, { stream: true });
  })();
  done.catch(() => undefined);
  return { response, text: () => text, done, leave: () => client.abort() };
}

describe.each(["m", "own"])("a place within the limits of %s", (model) => {
  test("is given in the order of arrival, and to higher priorities first", async () => {
    const all = [ask(model, { user: "first" })];
    await atWork(1);
    const later = [
      ["low", "low"],
      ["usual", undefined],
      ["high", "high"],
      ["usual-2", "normal"],
    ] as const;
    for (const [index, [user, priority]] of later.entries()) {
      const headers = priority === undefined ? {} : { "x-orcestator-priority": priority };
      all.push(ask(model, { user }, { headers }));
      await inLine(index + 1);
    }
    for (let index = 0; index < all.length; index += 1) {
      await atWork(index + 1);
      answer(index);
    }
    for (const { status } of await Promise.all(all)) expect(status).toBe(200);
    expect(order()).toEqual(["first", "high", "usual", "usual-2", "low"]);
  });

  test("is waited for by as many as the queue takes, and others get a 429 at once", async () => {
    const all = Array.from({ length: 5 }, () => ask(model));
    await atWork(1);
    await inLine(4);
    const from = performance.now();
    const refused = await ask(model);
    expect(performance.now() - from).toBeLessThan(500);
    expect([refused.status, refused.message]).toEqual([429, expect.stringContaining("the queue has no room")]);
    expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 31);
    for (let index = 0; index < 5; index += 1) {
      await atWork(index + 1);
      answer(index);
    }
    for (const { status } of await Promise.all(all)) expect(status).toBe(200);
  });

  test("is told to a stream that waits, by a header and by comments, until its answer comes", async () => {
    const first = ask(model);
    await atWork(1);
    const opening = [open(model, { user: "1" })];
    await inLine(1);
    opening.push(open(model, { user: "2" }));
    await inLine(2);
    const [next, last] = await Promise.all(opening);
    expect(next?.response.headers.get("x-orcestator-queue")).toMatch(/^position=1(?:; eta=\d+)?$/);
    expect(last?.response.headers.get("x-orcestator-queue")).toMatch(/^position=2(?:; eta=\d+)?$/);
    await until(() => last?.text().includes(": queue position 2") === true, "the second is told");
    answer(0);
    await atWork(2);
    await until(() => last?.text().includes(": queue position 1") === true, "it is told that it is next");
    answer(1);
    await atWork(3);
    answer(2);
    await Promise.all([first, next?.done, last?.done]);
    const text = last?.text() ?? "";
    expect(text.indexOf("queue position 1")).toBeGreaterThan(text.lastIndexOf("queue position 2"));
    expect(text.slice(text.indexOf("data:"))).not.toContain("queue position");
    expect(text).toContain("data: [DONE]");
  });

  test("is not kept for who leaves the queue", async () => {
    const first = ask(model, { user: "first" });
    await atWork(1);
    const client = new AbortController();
    const leaving = ask(model, { user: "left" }, { signal: client.signal }).catch(() => "left");
    await inLine(1);
    const stream = await open(model, { user: "left too" });
    await inLine(2);
    const last = ask(model, { user: "last" });
    await inLine(3);
    client.abort();
    stream.leave();
    await inLine(1);
    expect(await leaving).toBe("left");
    answer(0);
    await atWork(2);
    answer(1);
    expect((await last).status).toBe(200);
    await first;
    expect(order()).toEqual(["first", "last"]);
  });
});

test("the wait is told in the story, and is no work of the gateway's", async () => {
  const first = named("first");
  await atWork(1);
  const second = named("second");
  await inLine(1);
  await Bun.sleep(50);
  answer(0);
  await atWork(2);
  answer(1);
  await first;
  const { id } = await second;
  const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as {
    decisions: { waits: { for: string; ms: number }[] };
    overheadMs: number;
    summary: string[];
  };
  expect(view.decisions.waits).toMatchObject([{ for: "a place at local" }]);
  expect(view.decisions.waits[0]?.ms).toBeGreaterThanOrEqual(45);
  expect(view.overheadMs).toBeLessThan(45);
  expect(view.summary.join("\n")).toMatch(/waited \d+ ms for a place at local/);
});

test("a request for which all targets are busy is taken elsewhere when the one it waited for fails", async () => {
  const all = [ask("twins"), ask("twins")];
  await atWork(2);
  const third = ask("twins");
  await inLine(1);
  answer(1);
  answer(0);
  await Promise.all(all);
  await atWork(3);
  const [, , again] = held;
  expect(again?.request.model).toBe("t1");
  if (again !== undefined) await failure(500)(again);
  await atWork(4);
  answer(3);
  expect((await third).headers.get("x-orcestator-provider")).toBe("sister");
});

describe("streams in other words are told in theirs", () => {
  test.each(
    clients.filter(({ protocol }) => protocol !== "openai-chat").map((client) => [client.name, client] as const),
  )("%s", async (_, client) => {
    const first = ask("m");
    await atWork(1);
    const asking = askAs(rig.gateway, client, { model: "m", isStream: true });
    await inLine(1);
    if (client.protocol.startsWith("ollama") || client.name === "gemini (array)") await Bun.sleep(60);
    else expect((await asking).headers.get("x-orcestator-queue")).toMatch(/^position=1/);
    answer(0);
    await atWork(2);
    answer(1);
    await first;
    const text = await (await asking).text();
    expect(client.isClean(text)).toBe(true);
    expect(client.failureOf(text)).toBeUndefined();
  });
});

const house = (limits: object): Promise<RoutingRig> =>
  startRoutingRig({
    providers: { local: { concurrency: 1 } },
    models: { m: { targets: [at("local", "m1")] } },
    config: { server: { heartbeat: "50ms" }, limits },
  });

test("a queue that is off refuses at once, and a short wait ends in a 429 or an error of the stream", async () => {
  const [off, brief] = await Promise.all([house({ queue: { size: 0 } }), house({ queue: { wait: "150ms" } })]);
  try {
    for (const { upstream: of } of [off, brief]) of.otherwise((exchange) => void held.push(exchange));
    const first = [off.ask("m"), brief.ask("m")];
    await atWork(2);
    expect((await off.ask("m")).status).toBe(429);
    const from = performance.now();
    const [whole, stream] = await Promise.all([brief.ask("m"), brief.ask("m", { stream: true })]);
    expect(performance.now() - from).toBeWithin(140, 1500);
    expect([whole.status, whole.message]).toEqual([429, expect.stringContaining("waited")]);
    // Its headers had gone ahead.
    expect(stream.status).toBe(200);
    expect(stream.text).toContain(": queue position");
    expect(stream.text).toContain('"finish_reason":"error"');
    answer(0);
    answer(1);
    await Promise.all(first);
  } finally {
    await Promise.all([off, brief].map((each) => each[Symbol.asyncDispose]()));
  }
});

test("a gateway that is told to stop still serves who waits", async () => {
  await using last = await startRoutingRig({
    providers: { local: { concurrency: 1 } },
    models: { m: { targets: [at("local", "m1")] } },
    config: { server: { drain: "10s" } },
  });
  last.upstream.otherwise((exchange) => void held.push(exchange));
  const all = [last.ask("m"), last.ask("m")];
  await atWork(1);
  await inLine(1, last);
  last.gateway.signal("SIGTERM");
  await until(
    async () => (await fetch(`${last.gateway.origin}/health/ready`).catch(() => undefined))?.ok !== true,
    "it stops",
  );
  answer(0);
  await atWork(2);
  answer(1);
  for (const { status } of await Promise.all(all)) expect(status).toBe(200);
  expect(await last.gateway.exited).toBe(0);
});

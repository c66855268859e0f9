import { afterAll, expect, test } from "bun:test";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createRandom } from "../support/random.ts";
import { body, errorChunk, failure, hangBeforeHeaders, ordinaryReply, pieces, streamOf } from "../support/replies.ts";
import { at, keyOf, startRoutingRig, type Fields } from "./routing-rig.ts";

const one = { concurrency: 1 };
const short = { firstByte: "50ms", idle: "50ms", progress: "100ms", total: "120ms", connect: "1s" };
const clientKey = "client-key-0001";

/** One place for everything, and nobody waits: a place that is not given back is a 429 for ever. */
const rig = await startRoutingRig({
  providers: {
    first: { ...one, timeouts: short, credentials: [{ key: keyOf("first"), ...one }] },
    second: { ...one, timeouts: short, credentials: [{ key: keyOf("second"), ...one }] },
  },
  models: {
    m: { targets: [at("first", "m1"), at("second", "m2")], ...one },
    hedged: { targets: [at("first", "h1"), at("second", "h2")], hedgeAfter: "20ms", ...one },
    single: { targets: [at("first", "s1")], singleFlight: true, ...one },
    plain: { targets: [at("first", "plain-1")] },
    other: { targets: [at("second", "plain-2")] },
  },
  config: {
    keys: { inbound: [clientKey] },
    limits: { total: one, key: one, address: one, queue: { size: 0 } },
    health: { probes: false, maxErrors: 1_000_000, minRequests: 1_000_000 },
    affinity: { by: "off" },
  },
});
const { upstream, gateway } = rig;
afterAll(() => rig[Symbol.asyncDispose]());

const word = (model: string): string => event(deltaChunk(model, { content: "Word" }));
const cut: Behaviour = (exchange) => exchange.cut("rst");
const half: Behaviour = (exchange) => {
  exchange.start({ headers: { "content-type": "text/event-stream" } });
  exchange.write(word(exchange.request.model));
};

/** How an upstream behaves. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  well: ordinaryReply(),
  slowly: async (exchange) => {
    await exchange.pause(30);
    await ordinaryReply()(exchange);
  },
  "with 400": failure(400),
  "with 404": failure(404),
  "with 500": failure(500),
  "with 429": failure(429, { headers: { "retry-after": "0" } }),
  "with rubbish": body("rubbish"),
  "with a reset": cut,
  silently: hangBeforeHeaders,
  "with half an answer": half,
  "with half an answer and a reset": streamOf((model) => [word(model)], { ending: "rst" }),
  "with half an answer and an end": streamOf((model) => [word(model)]),
  "with an error inside": streamOf((model) => [word(model), event(errorChunk(model))]),
  "with nothing": pieces([]),
};

interface Life {
  path: string;
  fields: Fields;
  headers?: Record<string, string>;
}
const chat = (model: string, fields: Fields = {}): Life => ({
  path: "/chat/completions",
  fields: { model, messages: [{ role: "user", content: "Hi" }], ...fields },
});

/** What clients ask for. */
const lives: Readonly<Record<string, Life>> = {
  "a whole answer": chat("m"),
  "a stream": chat("m", { stream: true }),
  "a hedged answer": chat("hedged"),
  "a hedged stream": chat("hedged", { stream: true }),
  "a shared answer": chat("single"),
  "a translated stream": {
    path: "/messages",
    fields: { model: "m", stream: true, max_tokens: 9, messages: [{ role: "user", content: "Hi" }] },
  },
  vectors: { path: "/embeddings", fields: { model: "m", input: "Hi" } },
  "a picture": { path: "/images/generations", fields: { model: "m", prompt: "A cat" } },
  "a provider's own path": { path: "/../p/first/chat/completions", fields: chat("m1", { stream: true }).fields },
  "a count": { path: "/messages/count_tokens", fields: { model: "m", messages: [{ role: "user", content: "Hi" }] } },
  "nothing anybody serves": chat("nobody"),
  "something impossible": { ...chat("m"), headers: { "x-orcestator-retries": "many" } },
};

async function live(life: Life, leaves: "never" | "at once" | "behind the head"): Promise<void> {
  const client = new AbortController();
  const asking = fetch(new URL(`${gateway.url}${life.path}`), {
    method: "POST",
    headers: { authorization: `Bearer ${clientKey}`, "content-type": "application/json", ...life.headers },
    body: JSON.stringify(life.fields),
    signal: client.signal,
  });
  if (leaves === "at once") {
    await Promise.race([upstream.waitFor((request) => !request.hasEnded()), asking, Bun.sleep(50)]).catch(
      () => undefined,
    );
    client.abort();
  }
  const response = await asking.catch(() => undefined);
  if (leaves === "behind the head") client.abort();
  await response?.text().catch(() => undefined);
}

/** A place is free again, or will be in a moment: nobody waits for one here. */
function expectFree(model: string, what: string): Promise<void> {
  upstream.otherwise(ordinaryReply());
  return until(async () => {
    const { status } = await rig.ask(model, {}, { headers: { authorization: `Bearer ${clientKey}` } });
    return status === 200;
  }, `a place for ${model} after ${what}`);
}

async function expectAllFree(what: string): Promise<void> {
  for (const model of ["m", "plain", "other"]) await expectFree(model, what);
}

const leavings = ["never", "at once", "behind the head"] as const;
/** Nobody is asked for them. */
const refused = ["nothing anybody serves", "something impossible"];

test.each(Object.entries(lives))(
  "places are given back after %s, however it ends",
  async (name, life) => {
    const ways = refused.includes(name) ? [["well", ordinaryReply()] as const] : Object.entries(behaviours);
    for (const [how, behaviour] of ways) {
      for (const leaves of leavings) {
        await expectFree("m", `${name}, answered ${how}`);
        upstream.clear();
        upstream.otherwise(behaviour);
        await live(life, leaves);
      }
      await expectAllFree(`${name}, answered ${how}`);
    }
  },
  10_000,
);

test("places are given back by requests in any number and order", async () => {
  const random = createRandom(11);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  for (let round = 0; round < 8; round += 1) {
    upstream.clear();
    upstream.otherwise((exchange) => pick(Object.values(behaviours))(exchange));
    await Promise.all(Array.from({ length: 25 }, () => live(pick(Object.values(lives)), pick(leavings))));
    await expectAllFree(`round ${round}`);
  }
}, 10_000);

test("nothing is at work, waits or is open upstream after all of it", async () => {
  await rig.quiet();
  expect(await rig.metric("orcestator_queue_waiting")).toBe(0);
  for (const name of ["first", "second"]) {
    const { targets, credentials } = await rig.healthOf(name);
    expect([...targets, ...credentials].map(({ inFlight }) => inFlight).filter((count) => count !== 0)).toEqual([]);
  }
  await until(() => upstream.running() === 0, "no request upstream is open");
});

import { afterAll, expect, spyOn, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createRandom } from "../support/random.ts";
import { body, failure, hangBeforeHeaders, ordinaryReply } from "../support/replies.ts";
import { expectAllClosed, startRun } from "./rig.ts";
import { routed, type Routed } from "./routed.ts";

const upstream = await createFakeUpstream();
const jitter = spyOn(Math, "random").mockImplementation(() => 0);
afterAll(async () => {
  jitter.mockRestore();
  await upstream.close();
});

const told = (message: string, code: string): Behaviour =>
  body(JSON.stringify({ error: { message, code } }), { status: 400 });

const behaviours: readonly Behaviour[] = [
  ordinaryReply(),
  ordinaryReply(),
  async (exchange) => {
    await exchange.pause(15);
    await ordinaryReply()(exchange);
  },
  failure(400),
  failure(401),
  failure(404),
  failure(429, { headers: { "retry-after-ms": "5" } }),
  failure(429, { headers: { "retry-after": "60" } }),
  failure(500),
  failure(503),
  told("Flagged.", "content_policy_violation"),
  told("Too long.", "context_length_exceeded"),
  body('{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}'),
  (exchange) => exchange.cut("rst"),
  hangBeforeHeaders,
];

type Random = () => number;
const pick = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
const maybe = <Item>(random: Random, value: Item): Item | undefined => (random() < 0.3 ? value : undefined);

function limitsOf(random: Random): object {
  return { concurrency: maybe(random, 1), rpm: maybe(random, 3), tpm: maybe(random, 3000) };
}

/** Some providers, and some models that go to some of them and fall back to one another. */
function anyHouse(random: Random): Routed {
  const providers = ["a", "b", "c"].map((name) => [
    name,
    openaiCompatibleAt(upstream.url, {
      credentials: ["1", "2"]
        .slice(0, pick(random, [1, 2]))
        .map((key) => ({ key: `${name}-${key}`, ...limitsOf(random) })),
      retries: pick(random, [0, 1, 2]),
      timeouts: { firstByte: "30ms", total: "60ms" },
      ...limitsOf(random),
    }),
  ]);
  const names = ["m", "n", "o"];
  const models = names.map((name) => [
    name,
    {
      targets: ["a", "b", "c"]
        .slice(0, pick(random, [1, 2, 3]))
        .map((provider) => ({ provider, model: `${provider}-${name}` })),
      strategy: pick(random, ["priority", "round_robin", "least_used", "lowest_latency"]),
      fallbacks: names.filter(() => random() < 0.4),
      contentPolicyFallbacks: names.filter(() => random() < 0.4),
      contextWindowFallbacks: names.filter(() => random() < 0.4),
      hedgeAfter: maybe(random, "5ms"),
      ...limitsOf(random),
    },
  ]);
  const queue = { size: pick(random, [0, 2]), wait: "40ms" };
  return routed(
    configured({
      providers: Object.fromEntries(providers),
      models: Object.fromEntries(models),
      limits: { queue },
      health: { maxErrors: 3, cooldown: "20ms", retryAfter: "50ms" },
    }),
  );
}

/** One request, which may lose its client on the way. */
async function live(house: Routed, random: Random): Promise<void> {
  const run = startRun({
    routed: house,
    stream: random() < 0.5,
    totalMs: 60,
    fields: random() < 0.3 ? { prompt_cache_key: "session" } : {},
  });
  const leavesAfter = random() < 0.2 ? random() * 30 : undefined;
  const timer = leavesAfter === undefined ? undefined : setTimeout(() => run.client.abort(), leavesAfter);
  try {
    const opened = await run.open();
    if (opened.kind === "stream") opened.reply.cancel();
    run.exchange.recording.finish({ status: 200, endReason: "completed" });
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(GatewayError);
    const error = thrown as GatewayError;
    expect([error.code, error.message]).not.toEqual(["internal_error", expect.anything()]);
    expect(error.retryAfterSeconds ?? 1).toBeGreaterThan(0);
    run.exchange.recording.finish({ status: error.status, endReason: "upstream_error", error });
  }
  clearTimeout(timer);
  run.exchange.cancellation.end();
  expect(run.exchange.recording.record.attempts).toBeLessThan(60);
}

test("whatever providers, limits and upstreams are like, every request ends and leaves nothing behind", async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = createRandom(seed);
    const house = anyHouse(random);
    upstream.clear();
    upstream.otherwise((exchange) => pick(random, behaviours)(exchange));
    await Promise.all(Array.from({ length: 12 }, () => live(house, random)));
    await expectAllClosed(upstream.requests);
    const { limiter } = house.routing;
    const held = limiter.view().filter(({ inUse, waiting }) => inUse + waiting !== 0);
    expect([seed, held, limiter.waiting()]).toEqual([seed, [], 0]);
    const busy = house.health
      .views()
      .flatMap(({ targets, credentials }) => [...targets, ...credentials])
      .filter(({ inFlight }) => inFlight !== 0);
    expect([seed, busy]).toEqual([seed, []]);
  }
}, 20_000);

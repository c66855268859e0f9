import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { failure, okJson } from "../support/replies.ts";
import { at, startRoutingRig, type Fields } from "./routing-rig.ts";

/** How long a refused credential stays unused here. */
const restMs = 300;

function keys(name: string, count = 2): string[] {
  return Array.from({ length: count }, (_, index) => `sk-${name}-0123456789-${index + 1}`);
}
const weights = [9, 1, 0];
const names = [
  "turns",
  "weighted",
  "first",
  "chance",
  "busy",
  "refused",
  "poor",
  "forbidden",
  "cooling",
  "only",
  "named",
];
const settings: Record<string, Fields> = {
  turns: { balance: "round_robin" },
  weighted: {
    balance: "weighted",
    credentials: keys("weighted", 3).map((key, index) => ({ key, weight: weights[index] })),
  },
  first: { balance: "priority" },
  chance: { balance: "random" },
  busy: { balance: "least_used" },
  named: { balance: "priority", credentials: [{ key: keys("named")[0], enabled: false }, keys("named")[1]] },
};

const rig = await startRoutingRig({
  providers: Object.fromEntries(
    names.map((name) => [
      name,
      { credentials: keys(name, name === "only" ? 1 : 2), balance: "priority", ...settings[name] },
    ]),
  ),
  models: Object.fromEntries(
    names.flatMap((name) => [
      [name, { targets: [at(name, `${name}-m`)] }],
      [`${name}-other`, { targets: [at(name, `${name}-other-m`)] }],
    ]),
  ),
  config: { health: { probes: false, retryAfter: `${restMs}ms` }, affinity: { by: "off" } },
});
const { upstream, ask } = rig;
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

/** Numbers of the keys that requests came with since the last look. */
let looked = 0;
function used(): number[] {
  const news = upstream.requests.slice(looked);
  looked = upstream.requests.length;
  return news.map(({ headers }) => Number((headers["authorization"] ?? "").at(-1)));
}
beforeEach(() => void (looked = 0));

async function times(count: number, name: string): Promise<number[]> {
  for (let index = 0; index < count; index += 1) expect((await ask(name)).status).toBe(200);
  return used();
}

/** Refuses the first key. */
function refusing(status: number, headers: Record<string, string> = {}): Behaviour {
  return (exchange) =>
    (exchange.request.headers["authorization"]?.endsWith("-1") === true ? failure(status, { headers }) : okJson())(
      exchange,
    );
}

describe("a balance", () => {
  test("round_robin: in turn", async () => expect(await times(4, "turns")).toEqual([1, 2, 1, 2]));
  test("priority: the first one", async () => expect(await times(3, "first")).toEqual([1, 1, 1]));
  test("random: each now and then", async () => expect(new Set(await times(40, "chance")).size).toBe(2));

  test("weighted: in proportion, and those of weight 0 never while another one works", async () => {
    const drawn = await times(100, "weighted");
    expect(drawn.filter((key) => key === 1).length).toBeWithin(75, 100);
    expect(drawn).not.toContain(3);
  });

  test("least_used: the one with the fewest at work", async () => {
    const gate = Promise.withResolvers<void>();
    upstream.otherwise(async (exchange) => {
      await gate.promise;
      await okJson()(exchange);
    });
    const all = [0, 1, 2, 3].map(() => ask("busy"));
    await until(() => upstream.requests.length === 4, "four requests");
    expect(used().toSorted((left, right) => left - right)).toEqual([1, 1, 2, 2]);
    gate.resolve();
    await Promise.all(all);
  });

  test("leaves out one that is switched off", async () => expect(await times(3, "named")).toEqual([2, 2, 2]));
});

describe.each([
  ["refused", 401],
  ["poor", 402],
] as const)("a credential that is %s (%i)", (name, status) => {
  test("is disabled, which is shown and logged, and is tried again by one request later", async () => {
    upstream.otherwise(refusing(status));
    expect(await times(3, name)).toEqual([1, 2, 2, 2]);
    const refusedAt = performance.now();
    const [first, second] = (await rig.healthOf(name)).credentials;
    expect(first).toMatchObject({ status: "unhealthy", circuit: "open" });
    expect(first?.disabled?.reason).toContain(String(status));
    expect(second).toMatchObject({ status: "healthy", disabled: null });
    await rig.gateway.waitForOutput(new RegExp(`The credential #1.* of ${name} was refused with ${status}`));
    expect(await rig.metric("orcestator_credentials_disabled", { provider: name })).toBe(1);

    // Still refused: it is tried once, and rests again.
    await Bun.sleep(Math.max(0, refusedAt + restMs + 20 - performance.now()));
    expect(await times(2, name)).toEqual([1, 2, 2]);
    const againAt = performance.now();
    upstream.otherwise(okJson());
    await Bun.sleep(Math.max(0, againAt + restMs + 20 - performance.now()));
    expect(await times(2, name)).toEqual([1, 1]);
    await rig.gateway.waitForOutput(new RegExp(`The credential #1.* of ${name} works again`));
    expect(await rig.metric("orcestator_credentials_disabled", { provider: name })).toBe(0);
  });
});

test("a credential that is forbidden a model (403) serves others, until a second one is forbidden to it", async () => {
  upstream.set("forbidden-m", refusing(403));
  expect(await times(2, "forbidden")).toEqual([1, 2, 2]);
  const refusedAt = performance.now();
  const [first] = (await rig.healthOf("forbidden")).credentials;
  expect(first).toMatchObject({ status: "degraded", circuit: "closed", disabled: null });
  expect(Object.keys(first?.coolingUntil ?? {})).toEqual(["forbidden-m"]);
  await rig.gateway.waitForOutput(/#1.* of forbidden was refused with 403 and is not used for forbidden-m/);
  expect(await times(1, "forbidden-other")).toEqual([1]);

  // It is tried again after its time; the other model's success said that the key is good.
  await Bun.sleep(Math.max(0, refusedAt + restMs + 20 - performance.now()));
  upstream.otherwise(refusing(403));
  expect(await times(1, "forbidden")).toEqual([1, 2]);
  expect(await rig.metric("orcestator_credentials_disabled", { provider: "forbidden" })).toBe(0);
  expect(await times(1, "forbidden-other")).toEqual([1, 2]);
  const againAt = performance.now();
  expect(await rig.metric("orcestator_credentials_disabled", { provider: "forbidden" })).toBe(1);
  upstream.set("forbidden-m", okJson());
  await Bun.sleep(Math.max(0, againAt + restMs + 20 - performance.now()));
  expect(await times(2, "forbidden")).toEqual([1, 1]);
  expect(await rig.metric("orcestator_credentials_disabled", { provider: "forbidden" })).toBe(0);
});

describe("a credential that was asked too often", () => {
  test("rests for this model, exactly as long as it was told, and serves others", async () => {
    upstream.set("cooling-m", refusing(429, { "retry-after-ms": "300" }));
    expect(await times(2, "cooling")).toEqual([1, 2, 2]);
    const restsUntil = (upstream.requests[0]?.receivedAt ?? 0) + 300;
    const [first] = (await rig.healthOf("cooling")).credentials;
    expect(Object.keys(first?.coolingUntil ?? {})).toEqual(["cooling-m"]);
    expect((first?.coolingUntil["cooling-m"] ?? 0) - Date.now()).toBeWithin(1, 301);
    expect(await times(1, "cooling-other")).toEqual([1]);
    upstream.set("cooling-m", okJson());
    await Bun.sleep(Math.max(0, restsUntil + 30 - performance.now()));
    expect(await times(1, "cooling")).toEqual([1]);
  });

  test("is used all the same where it is the last resort, and a success ends its rest", async () => {
    upstream.set("only-m", [failure(429, { headers: { "retry-after": "600" } }), okJson()]);
    const limited = await ask("only");
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "600"]);
    expect(await times(1, "only")).toEqual([1, 1]);
    expect((await rig.healthOf("only")).credentials[0]?.coolingUntil).toEqual({});
  });

  test("as the last resort is told with what was known before", async () => {
    upstream.set("only-m", failure(429, { headers: { "retry-after": "600" } }));
    await ask("only");
    const { status, message, id } = await ask("only");
    expect([status, message]).toEqual([429, expect.stringMatching(/its credential was refused, free again in \d+ s/)]);
    const view = (await (await rig.admin(`/api/requests/${id}`)).json()) as { decisions: Fields };
    expect(view.decisions).toMatchObject({
      candidates: [{ skipped: "all its credentials are refused or cooling" }],
      attempts: [{ kind: "last_resort", outcome: "rate_limit_exceeded", status: 429 }],
    });
  });
});

test("what the gateway says of credentials names their ends at most", async () => {
  const whole = names.flatMap((name) => keys(name, 3));
  const told = [
    rig.gateway.stdout() + rig.gateway.stderr(),
    await (await rig.admin("/api/providers/health")).text(),
    await (await rig.admin("/api/requests")).text(),
  ].join("\n");
  expect(whole.filter((key) => told.includes(key))).toEqual([]);
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { HealthRegistry } from "../../../src/routing/health/health.ts";
import { createProbes, type Probes } from "../../../src/routing/health/probes.ts";
import { createHealthRegistry } from "../../../src/routing/health/registry.ts";
import { createUpstream, type Upstream } from "../../../src/routing/upstream.ts";
import { until } from "../../support/e2e.ts";
import type { Behaviour } from "../../support/exchange.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake-upstream.ts";
import { failure, hangBeforeHeaders, modelList } from "../../support/replies.ts";
import { refused, settingsOf } from "./scene.ts";

let server: FakeUpstream;
let behaviour: Behaviour;
let now: number;
beforeEach(async () => {
  behaviour = modelList();
  now = 1_700_000_000_000;
  server = await createFakeUpstream({ models: (exchange) => behaviour(exchange) });
});
afterEach(() => server.close());

interface Alarm {
  milliseconds: number;
  ring: () => void;
}

interface Probed {
  upstream: Upstream;
  health: HealthRegistry;
  probes: Probes;
  alarms: Alarm[];
}

function createProbed(provider: object = {}, health: object = {}): Probed {
  const openrouter = { type: "openrouter", baseUrl: server.url, credentials: ["key-one", "key-two"] };
  const config = settingsOf({ providers: { p: { ...openrouter, ...provider } }, health });
  const registry = createHealthRegistry({ settings: config, now: () => now });
  if (config.providers["p"] === undefined) throw new Error("no provider");
  const upstream = createUpstream("p", config.providers["p"], registry);
  registry.configure(config);
  const alarms: Alarm[] = [];
  const probes = createProbes({
    upstreams: [upstream],
    health: registry,
    settings: config.health,
    now: () => now,
    random: () => 0.5,
    after(milliseconds, ring) {
      const alarm = { milliseconds, ring };
      alarms.push(alarm);
      return () => void alarms.splice(alarms.indexOf(alarm), 1);
    },
  });
  return { upstream, health: registry, probes, alarms };
}

const probeIn = ({ health }: Probed) => health.views()[0]?.probe;
const keysAsked = (): unknown[] => server.others.map(({ headers }) => headers["authorization"]);

describe("active probes", () => {
  test("come after one interval and never at the start, and again after each", async () => {
    const probed = createProbed({}, { interval: "300s" });
    probed.probes.start();
    probed.probes.start();
    expect(probed.alarms.map(({ milliseconds }) => milliseconds)).toEqual([315_000]);
    expect(server.others).toHaveLength(0);
    probed.alarms.shift()?.ring();
    await until(() => probeIn(probed) !== undefined, "the probe");
    expect(probeIn(probed)).toMatchObject({ at: now, ok: true, message: undefined });
    expect(server.others.map(({ method, target }) => `${method} ${target}`)).toEqual(["GET /api/v1/models"]);
    expect(keysAsked()).toEqual(["Bearer key-one"]);
    await until(() => probed.alarms.length === 1, "the next alarm");
    expect([server.violations, server.requests]).toEqual([[], []]);
  });

  test("come no more when they are stopped, not even one that is under way", async () => {
    behaviour = hangBeforeHeaders;
    const probed = createProbed();
    probed.probes.start();
    probed.alarms.shift()?.ring();
    await until(() => server.others.length === 1, "the request");
    probed.probes.stop();
    await until(() => server.connections() === 0, "the connection's end");
    expect([probeIn(probed), probed.alarms]).toEqual([undefined, []]);
    await probed.probes.probe(probed.upstream);
    expect(server.others).toHaveLength(1);
  });

  test("are not made where they are switched off, where there is no list, and where a key is missing", () => {
    for (const probed of [
      createProbed({}, { probes: false }),
      createProbed({ credentials: [] }),
      createProbed({ type: "dummy", baseUrl: undefined }),
    ]) {
      probed.probes.start();
      expect(probed.alarms).toEqual([]);
    }
  });

  test("are not made where requests were answered within the interval", async () => {
    const probed = createProbed({}, { interval: "300s" });
    probed.health.targetOf("p", probed.upstream.config.baseUrl, "m").begin().end("ok");
    now += 299_000;
    await probed.probes.probe(probed.upstream);
    expect(server.others).toHaveLength(0);
    now += 1000;
    await probed.probes.probe(probed.upstream);
    expect(server.others).toHaveLength(1);
  });

  test("try refused credentials even then, and before the one that tells how the provider is", async () => {
    const probed = createProbed();
    const [, second] = probed.upstream.credentials.credentials;
    second?.begin("m").end(refused());
    await probed.probes.probe(probed.upstream);
    expect(keysAsked()).toEqual(["Bearer key-two", "Bearer key-one"]);
    probed.health.targetOf("p", probed.upstream.config.baseUrl, "m").begin().end("ok");
    await probed.probes.probe(probed.upstream);
    expect(keysAsked().slice(2)).toEqual(["Bearer key-two"]);
  });

  test("bring a credential back that the upstream takes again", async () => {
    const probed = createProbed();
    const [credential] = probed.upstream.credentials.credentials;
    behaviour = failure(401);
    await probed.probes.probe(probed.upstream);
    expect(probeIn(probed)).toMatchObject({ ok: false, message: expect.stringContaining("401") });
    expect(credential?.isBlocked("m")).toBe(true);
    behaviour = modelList();
    await probed.probes.probe(probed.upstream);
    expect(credential?.isBlocked("m")).toBe(false);
  });

  const failures: Record<string, [Behaviour, string]> = {
    "a server error": [failure(500), "500"],
    "a cut connection": [(exchange) => exchange.cut("rst"), "broke"],
  };
  for (const [name, [reply, words]] of Object.entries(failures))
    test(`tell of ${name}, and neither circuits nor credentials learn of it`, async () => {
      behaviour = reply;
      const probed = createProbed();
      const target = probed.health.targetOf("p", probed.upstream.config.baseUrl, "m");
      for (let count = 0; count < 6; count += 1) await probed.probes.probe(probed.upstream);
      expect(probeIn(probed)).toMatchObject({ ok: false, message: expect.stringContaining(words) });
      expect(target.view()).toMatchObject({ status: "healthy", requests: 0, inFlight: 0 });
      for (const credential of probed.upstream.credentials.credentials)
        expect(credential.view()).toMatchObject({ status: "healthy", requests: 0, inFlight: 0 });
    });

  test("tell of a provider that is not there", async () => {
    const probed = createProbed({ baseUrl: "http://127.0.0.1:1/v1" });
    await probed.probes.probe(probed.upstream);
    expect(probeIn(probed)).toMatchObject({ ok: false, message: expect.stringContaining("refused the connection") });
  });

  test("leave no connection open that is not used again", async () => {
    const probed = createProbed();
    for (let count = 0; count < 5; count += 1) await probed.probes.probe(probed.upstream);
    expect(server.connections()).toBeLessThanOrEqual(1);
  });
});

import { describe, expect, test } from "bun:test";
import type { ResolvedConfig } from "../../../src/config/resolve.ts";
import type { Credential } from "../../../src/routing/credential.ts";
import type { HealthRegistry, ProviderHealthView } from "../../../src/routing/health/health.ts";
import { createScene, failed, liveTimes, refused, settingsOf } from "./scene.ts";

const at = (port: number, more: object = {}): object => ({
  type: "openai-compatible",
  baseUrl: `http://127.0.0.1:${port}`,
  credentials: ["key-one", "key-two"],
  ...more,
});

/** As a start or a reload does it. */
function apply(registry: HealthRegistry, providers: Record<string, object>, models: object = {}): ResolvedConfig {
  const config = settingsOf({ providers, models });
  prepare(registry, config);
  registry.configure(config);
  return config;
}

/** As a reload does it before it is known to succeed. */
function prepare(registry: HealthRegistry, { providers }: ResolvedConfig): void {
  for (const [name, provider] of Object.entries(providers)) if (provider.enabled) registry.poolOf(name, provider);
}

function viewOf(registry: HealthRegistry, name: string): ProviderHealthView | undefined {
  return registry.views().find(({ provider }) => provider === name);
}

function poolOf(registry: HealthRegistry, config: ResolvedConfig, name: string): readonly Credential[] {
  const provider = config.providers[name];
  return provider === undefined ? [] : registry.poolOf(name, provider).credentials;
}

describe("the registry", () => {
  test("has always the same target for the same place, and others for others", () => {
    const { registry } = createScene();
    const target = registry.targetOf("p", "http://a", "m");
    expect(registry.targetOf("p", "http://a", "m")).toBe(target);
    expect(registry.targetOf("q", "http://a", "m")).not.toBe(target);
    expect(registry.targetOf("p", "http://b", "m")).not.toBe(target);
    expect(registry.targetOf("p", "http://a", "n")).not.toBe(target);
  });

  test("keeps what is known of a key when its pool is made anew, wherever it stands in the list", () => {
    const { registry } = createScene();
    const before = poolOf(registry, apply(registry, { p: at(1) }), "p");
    before[0]?.begin("m").end(refused());
    const running = before[0]?.begin("m");
    const config = apply(registry, { p: at(1, { credentials: ["key-three", { key: "key-one", rpm: 5 }] }) });
    const after = poolOf(registry, config, "p");
    expect(after.map(({ label, inFlight }) => [label, inFlight])).toEqual([
      ["#1", 0],
      ["#2", 1],
    ]);
    expect(after[1]?.isBlocked("m")).toBe(true);
    expect(after[1]?.scope).toMatchObject({ id: "p/#2", limits: { rpm: 5 } });
    running?.end("neutral");
    expect(after[1]?.inFlight).toBe(0);
  });

  test("keeps what is known of a key that was away only while requests use it", () => {
    const { registry } = createScene();
    const [one, two] = poolOf(registry, apply(registry, { p: at(1) }), "p");
    for (const credential of [one, two]) credential?.begin("m").end(refused());
    const running = one?.begin("m");
    apply(registry, { p: at(1, { credentials: ["key-three"] }) });
    const [again, other] = poolOf(registry, apply(registry, { p: at(1) }), "p");
    expect([again?.inFlight, again?.isBlocked("m"), other?.isBlocked("m")]).toEqual([1, true, false]);
    running?.end("neutral");
    apply(registry, { p: at(1, { credentials: ["key-three"] }) });
    const [anew] = poolOf(registry, apply(registry, { p: at(1) }), "p");
    expect(anew?.isBlocked("m")).toBe(false);
  });

  test("is as it was when a configuration that was prepared is not served", () => {
    const { registry } = createScene();
    const served = apply(registry, { p: at(1), q: at(3) });
    const pool = poolOf(registry, served, "p");
    pool[0]?.begin("m").end(refused());
    liveTimes(2, registry.targetOf("p", "http://127.0.0.1:1", "m"), failed());
    const before = JSON.stringify(registry.views());
    const [moved] = poolOf(registry, settingsOf({ providers: { p: at(2, { credentials: ["key-new"] }) } }), "p");
    prepare(registry, settingsOf({ providers: { p: at(2), r: at(4) } }));
    expect(JSON.stringify(registry.views())).toBe(before);
    expect([pool[0]?.label, pool[0]?.isBlocked("m"), moved?.label, moved?.isBlocked("m")]).toEqual([
      "#1",
      true,
      "#1",
      false,
    ]);
    pool[0]?.begin("m").end("ok");
    expect(viewOf(registry, "p")).toMatchObject({ credentials: [{ label: "#1", status: "healthy" }, { label: "#2" }] });
    apply(registry, { q: at(3) });
    expect(registry.views().map(({ provider }) => provider)).toEqual(["q"]);
  });

  test("has the limits and labels of each configuration in its own pool", () => {
    const { registry } = createScene();
    const before = poolOf(registry, apply(registry, { p: at(1, { credentials: [{ key: "key-one", rpm: 5 }] }) }), "p");
    const config = apply(registry, { p: at(1, { credentials: ["key-two", { key: "key-one", rpm: 9 }] }) });
    const after = poolOf(registry, config, "p");
    expect(before.map(({ label, scope }) => [label, scope?.limits.rpm])).toEqual([["#1", 5]]);
    expect(after.map(({ label, scope }) => [label, scope?.limits.rpm])).toEqual([
      ["#1", undefined],
      ["#2", 9],
    ]);
    before[0]?.begin("m").end(refused());
    expect(after.map((credential) => credential.isBlocked("m"))).toEqual([false, true]);
  });

  test("counts a key that stands twice in the list as two", () => {
    const { registry } = createScene();
    const config = apply(registry, { p: at(1, { credentials: ["same", "same"] }) });
    const [one, two] = poolOf(registry, config, "p");
    expect([one === two, one?.label, two?.label]).toEqual([false, "#1", "#2"]);
  });

  test("takes nothing over to another host", () => {
    const { registry } = createScene();
    poolOf(registry, apply(registry, { p: at(1) }), "p")[0]
      ?.begin("m")
      .end(refused());
    liveTimes(5, registry.targetOf("p", "http://127.0.0.1:1", "m"), failed());
    const config = apply(registry, { p: at(2) });
    expect(poolOf(registry, config, "p")[0]?.isBlocked("m")).toBe(false);
    registry.targetOf("p", "http://127.0.0.1:2", "m");
    expect(viewOf(registry, "p")).toMatchObject({ status: "healthy", targets: [{ model: "m", errors: 0 }] });
  });

  test("forgets a provider that is gone once nothing is on its way to it", () => {
    const { registry } = createScene();
    const config = apply(registry, { p: at(1), q: at(2) });
    const target = registry.targetOf("q", "http://127.0.0.1:2", "m");
    const tickets = [target.begin(), poolOf(registry, config, "q")[0]?.begin("m")];
    apply(registry, { p: at(1), q: at(2, { enabled: false }) });
    expect(viewOf(registry, "q")).toMatchObject({ targets: [{ inFlight: 1 }] });
    tickets[0]?.end("ok");
    expect(viewOf(registry, "q")).toMatchObject({ targets: [], credentials: [{ inFlight: 1 }, { inFlight: 0 }] });
    tickets[1]?.end("ok");
    expect(registry.views().map(({ provider }) => provider)).toEqual(["p"]);
    expect(registry.targetOf("q", "http://127.0.0.1:2", "m")).not.toBe(target);
  });

  test("keeps everything through a reload that leaves a provider as it is", () => {
    const { registry } = createScene();
    apply(registry, { p: at(1) });
    const target = registry.targetOf("p", "http://127.0.0.1:1", "m");
    liveTimes(5, target, failed());
    apply(registry, { p: at(1), q: at(2) });
    expect(registry.targetOf("p", "http://127.0.0.1:1", "m")).toBe(target);
    expect(target.isBlocked()).toBe(true);
  });

  test("is bounded, and throws out neither what is named nor what is at work nor what was used last", () => {
    const { registry } = createScene();
    const place = ["p", "http://127.0.0.1:1"] as const;
    apply(registry, { p: at(1, { models: ["listed"] }) }, { alias: { targets: [{ provider: "p", model: "named" }] } });
    const named = ["listed", "named"].map((model) => registry.targetOf(...place, model));
    const busy = registry.targetOf(...place, "busy");
    const ticket = busy.begin();
    const used = registry.targetOf(...place, "used");
    const unused = registry.targetOf(...place, "unused");
    for (let model = 0; model < 5000; model += 1) {
      registry.targetOf(...place, `m${model}`);
      registry.targetOf(...place, "used");
    }
    expect(viewOf(registry, "p")?.targets.length).toBeLessThanOrEqual(1000);
    const isKept = ["listed", "named"].map((model, index) => registry.targetOf(...place, model) === named[index]);
    expect(isKept).toEqual([true, true]);
    expect(registry.targetOf(...place, "busy")).toBe(busy);
    expect(registry.targetOf(...place, "used")).toBe(used);
    expect(registry.targetOf(...place, "unused")).not.toBe(unused);
    ticket.end("ok");
  });

  test("throws out what nothing bad is known of before what fails, whoever asks for new names", () => {
    const { registry } = createScene();
    apply(registry, { p: at(1), q: at(2) });
    const failing = registry.targetOf("q", "http://127.0.0.1:2", "m");
    liveTimes(5, failing, failed());
    for (let model = 0; model < 5000; model += 1)
      registry.targetOf("p", "http://127.0.0.1:1", `m${model}`).begin().end("ok");
    expect(registry.targetOf("q", "http://127.0.0.1:2", "m")).toBe(failing);
    expect(failing.isBlocked()).toBe(true);
    for (let model = 0; model < 2000; model += 1)
      liveTimes(2, registry.targetOf("p", "http://127.0.0.1:1", `f${model}`), failed());
    expect(registry.views().flatMap(({ targets }) => targets).length).toBeLessThanOrEqual(1000);
  });
});

describe("a provider's view", () => {
  test("is healthy where nothing is known", () => {
    const { registry } = createScene();
    apply(registry, { p: at(1) });
    expect(viewOf(registry, "p")).toEqual({
      provider: "p",
      status: "healthy",
      probe: undefined,
      targets: [],
      credentials: [expect.objectContaining({ label: "#1" }), expect.objectContaining({ label: "#2" })],
    });
  });

  test("is degraded when a part fails, and unhealthy when all targets or all credentials do", () => {
    const { registry } = createScene();
    const config = apply(registry, { p: at(1) });
    const [one, other] = ["m", "n"].map((model) => registry.targetOf("p", "http://127.0.0.1:1", model));
    if (one === undefined || other === undefined) throw new Error("no target");
    liveTimes(5, one, failed());
    expect(viewOf(registry, "p")?.status).toBe("degraded");
    liveTimes(5, other, failed());
    expect(viewOf(registry, "p")?.status).toBe("unhealthy");
    liveTimes(2, one, "ok");
    liveTimes(2, other, "ok");
    expect(viewOf(registry, "p")?.status).toBe("healthy");
    const credentials = poolOf(registry, config, "p");
    credentials[0]?.begin("m").end(refused());
    expect(viewOf(registry, "p")?.status).toBe("degraded");
    credentials[1]?.begin("m").end(refused());
    expect(viewOf(registry, "p")?.status).toBe("unhealthy");
  });

  test("never holds a key", () => {
    const { registry } = createScene();
    const key = "sk-very-secret-key-0123456789";
    const config = apply(registry, { p: at(1, { credentials: [key] }) });
    const [credential] = poolOf(registry, config, "p");
    credential?.begin("m").end(refused(401, `Bad key ${key}`));
    if (credential === undefined) throw new Error("no credential");
    registry.probed("p", { at: 1, ms: 1, credential, outcome: refused(401, `Bad key ${key}`) });
    expect(JSON.stringify(registry.views())).not.toContain(key);
  });
});

function createProbed() {
  const scene = createScene();
  const { registry } = scene;
  const config = apply(registry, { p: at(1) });
  const [credential, other] = poolOf(registry, config, "p");
  if (credential === undefined || other === undefined) throw new Error("no credential");
  const probed = (outcome: "ok" | ReturnType<typeof failed>, of = credential): void =>
    registry.probed("p", { at: scene.now(), ms: 12, credential: of, outcome });
  const target = registry.targetOf("p", "http://127.0.0.1:1", "m");
  return { ...scene, credential, other, probed, target };
}

describe("what an active probe finds", () => {
  test("is told of the provider, and opens no circuit", () => {
    const { registry, probed, target, now } = createProbed();
    for (let count = 0; count < 20; count += 1) probed(failed("upstream_unreachable"));
    expect(target.status()).toBe("healthy");
    const probe = { at: now(), ms: 12, ok: false, message: "It was upstream_unreachable." };
    expect(viewOf(registry, "p")).toMatchObject({ status: "degraded", probe });
    probed("ok");
    expect(viewOf(registry, "p")).toMatchObject({ status: "healthy", probe: { ok: true, message: undefined } });
  });

  test("is no failure where a provider has no list but answers", () => {
    const { registry, probed } = createProbed();
    probed(failed("model_not_found", { status: 404, details: { upstreamStatus: 404 }, message: "No such path." }));
    expect(viewOf(registry, "p")).toMatchObject({ status: "healthy", probe: { ok: true, message: "No such path." } });
  });

  test("brings a probe of the circuits forward when all are open and the list comes", () => {
    const { registry, probed, target, alarms } = createProbed();
    const other = registry.targetOf("p", "http://127.0.0.1:1", "n");
    liveTimes(5, target, failed());
    probed("ok");
    expect(target.isBlocked()).toBe(true);
    liveTimes(5, other, failed());
    probed(failed("upstream_overloaded"));
    expect([target.isBlocked(), other.isBlocked()]).toEqual([true, true]);
    probed("ok");
    expect([target, other].map((one) => [one.isBlocked(), one.isProbeDue(), one.status()])).toEqual([
      [false, true, "degraded"],
      [false, true, "degraded"],
    ]);
    expect(alarms.filter((alarm) => alarm.includes("closed"))).toEqual([]);
  });

  test("disables a credential that is refused", () => {
    const { credential, other, probed, alarms } = createProbed();
    probed(refused());
    expect([credential.isBlocked("m"), other.isBlocked("m"), alarms]).toEqual([true, false, ["p #1 disabled"]]);
    expect(credential.view().requests).toBe(0);
  });

  test("does not disable one that works for models but may not see their list", () => {
    const { credential, probed } = createProbed();
    credential.begin("m").end("ok");
    for (const status of [401, 403]) probed(refused(status, "Missing scopes: api.model.read"));
    expect(credential.isBlocked("m")).toBe(false);
  });

  test("does not disable one that is only kept from the list", () => {
    const { registry, credential, probed } = createProbed();
    probed(refused(403, "Missing scopes: api.model.read"));
    expect(credential.isBlocked("m")).toBe(false);
    expect(viewOf(registry, "p")).toMatchObject({ status: "healthy", probe: { ok: true } });
  });

  test("does not put off the request that shall try a refused one", () => {
    const { credential, probed, pass } = createProbed();
    probed(refused());
    for (let hours = 0; hours < 5; hours += 1) {
      pass(3_600_000);
      probed(refused());
      expect([credential.isBlocked("m"), credential.view().circuit]).toEqual([false, "half_open"]);
    }
    const probe = credential.begin("m");
    expect(probe.isProbe).toBe(true);
    probe.end("ok");
    probed(refused());
    expect(credential.view().status).toBe("healthy");
  });

  test("disables one that worked and saw the list before", () => {
    const { credential, probed } = createProbed();
    credential.begin("m").end("ok");
    probed("ok");
    probed(refused());
    expect(credential.isBlocked("m")).toBe(true);
  });

  test("enables a refused credential again where lists are refused to wrong keys", () => {
    const { credential, probed, alarms } = createProbed();
    credential.begin("m").end(refused());
    probed(refused());
    probed("ok");
    expect(credential.view()).toMatchObject({ status: "healthy", disabled: undefined });
    expect(alarms).toEqual(["p #1 disabled", "p #1 recovered"]);
  });

  test("lets one request try it, once, where anybody may see the list", () => {
    const { credential, probed, alarms } = createProbed();
    credential.begin("m").end(refused());
    probed("ok");
    expect([credential.isBlocked("m"), credential.view().circuit]).toEqual([false, "half_open"]);
    const probe = credential.begin("m");
    expect([probe.isProbe, credential.isBlocked("m")]).toEqual([true, true]);
    probe.end(refused());
    for (let count = 0; count < 3; count += 1) probed("ok");
    expect([credential.isBlocked("m"), alarms]).toEqual([true, ["p #1 disabled"]]);
  });

  test("says nothing of a credential that has no money", () => {
    const { credential, probed } = createProbed();
    probed(refused());
    probed("ok");
    credential.begin("m").end(failed("insufficient_quota", { details: { upstreamStatus: 402 } }));
    probed("ok");
    expect(credential.isBlocked("m")).toBe(true);
  });

  test("does not disable for failures that have nothing to do with the key", () => {
    const { credential, probed } = createProbed();
    for (const status of [402, 404, 429, 500])
      probed(failed("upstream_error", { details: { upstreamStatus: status } }));
    expect(credential.view()).toMatchObject({ status: "healthy", requests: 0 });
  });
});

test("the newest good answer of a provider is that of all its targets", () => {
  const { registry, pass, now } = createScene();
  apply(registry, { p: at(1) });
  const [one, other] = ["m", "n"].map((model) => registry.targetOf("p", "http://127.0.0.1:1", model));
  if (one === undefined || other === undefined) throw new Error("no target");
  expect(registry.answeredAt("p")).toBeUndefined();
  liveTimes(1, other, "ok");
  pass(1000);
  liveTimes(1, one, failed());
  expect(registry.answeredAt("p")).toBe(now() - 1000);
  expect(registry.answeredAt("nobody")).toBeUndefined();
});

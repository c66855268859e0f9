import { describe, expect, test } from "bun:test";
import type { Coordinator } from "../../../src/coordination/coordinator.ts";
import { createMemoryCoordination } from "../../../src/coordination/memory/memory-coordination.ts";
import type { Credential } from "../../../src/routing/credential.ts";
import type { HealthRegistry, TargetHealth } from "../../../src/routing/health/health.ts";
import { createHealthRegistry } from "../../../src/routing/health/registry.ts";
import { createSharedHealth } from "../../../src/routing/health/shared-health.ts";
import { failed, live, liveTimes, refused, settingsOf } from "./scene.ts";

const config = settingsOf({
  providers: { p: { type: "openai-compatible", baseUrl: "http://127.0.0.1:9", credentials: ["canary-key-one"] } },
  models: { m: { targets: [{ provider: "p", model: "m" }] } },
  health: { maxErrors: 3, cooldown: "10s", recoverAfter: 1 },
});

interface Gateway {
  readonly registry: HealthRegistry;
  readonly target: TargetHealth;
  readonly credential: Credential;
  readonly told: string[];
}

function world() {
  let time = 1_900_000_000_000;
  const now = (): number => time;
  const meeting = createMemoryCoordination({ now });

  async function join(): Promise<Gateway> {
    const told: string[] = [];
    const real = meeting.join();
    const coordinator: Coordinator = {
      ...real,
      publish(channel, message) {
        told.push(message);
        real.publish(channel, message);
      },
    };
    const shared = createSharedHealth({ coordinator, onProblem: (message) => told.push(message), now });
    const registry = createHealthRegistry({ settings: config, now, onChange: (change) => shared.tell(change) });
    const provider = config.providers["p"];
    if (provider === undefined) throw new Error("The provider is missing");
    const [credential] = registry.poolOf("p", provider).credentials;
    if (credential === undefined) throw new Error("The credential is missing");
    registry.configure(config);
    const target = registry.targetOf("p", provider.baseUrl, "m");
    shared.follow(registry);
    await turns();
    return { registry, target, credential, told };
  }
  return { join, pass: (milliseconds: number) => void (time += milliseconds), meeting };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe("gateways tell each other of upstreams", () => {
  test("a circuit that one opens is open for all, also for one that comes later, until its time is over", async () => {
    const { join, pass } = world();
    const [first, second] = [await join(), await join()];
    liveTimes(3, first.target, failed());
    await turns();
    expect(second.target.isBlocked()).toBe(true);
    expect(second.target.openUntil()).toBe(first.target.openUntil());
    expect(second.target.reason()).toContain("3 errors in a row");
    pass(4000);
    const third = await join();
    expect(third.target.openUntil()).toBe(first.target.openUntil());
    pass(6000);
    expect((await join()).target.status()).toBe("healthy");
    expect(third.target.isProbeDue()).toBe(true);
  });

  test("one that closes it closes it for all; what is heard is not told again", async () => {
    const { join, pass } = world();
    const [first, second] = [await join(), await join()];
    liveTimes(3, first.target, failed());
    await turns();
    pass(10_000);
    expect(live(second.target, "ok")).toBe(true);
    await turns();
    expect(first.target.status()).toBe("healthy");
    expect([first.told.length, second.told.length]).toEqual([1, 1]);
    expect((await join()).target.status()).toBe("healthy");
  });

  test("a key that is refused to one is left alone by all, and works for all when it does for one", async () => {
    const { join, pass } = world();
    const [first, second] = [await join(), await join()];
    first.credential.begin("m").end(refused());
    await turns();
    expect(second.credential.isBlocked("m")).toBe(true);
    expect(second.credential.isBlocked("another")).toBe(true);
    expect((await join()).credential.isBlocked("m")).toBe(true);
    pass(config.health.retryAfter);
    second.credential.begin("m").end("ok");
    await turns();
    expect(first.credential.view().disabled).toBeUndefined();
  });

  test("a key that rests for one model rests for it everywhere, as long as the upstream said", async () => {
    const { join, pass } = world();
    const [first, second] = [await join(), await join()];
    const limited = failed("rate_limit_exceeded", {
      status: 429,
      retryAfterSeconds: 20,
      details: { upstreamStatus: 429 },
    });
    first.credential.begin("m").end(limited);
    await turns();
    expect(second.credential.isBlocked("m")).toBe(true);
    expect(second.credential.isBlocked("another")).toBe(false);
    expect(second.credential.blockedUntil("m")).toBe(first.credential.blockedUntil("m"));
    pass(20_000);
    expect(second.credential.isBlocked("m")).toBe(false);
  });

  test("no key and no upstream's words are told", async () => {
    const { join } = world();
    const first = await join();
    first.credential.begin("m").end(refused(401, "The key canary-key-one is wrong"));
    liveTimes(
      3,
      first.target,
      failed("upstream_overloaded", { message: "canary words", details: { upstreamStatus: 503 } }),
    );
    expect(first.told.length).toBeGreaterThanOrEqual(2);
    expect(first.told.join()).not.toContain("canary");
  });

  test("what is not understood, or is of another place, changes nothing", async () => {
    const { join, meeting } = world();
    const first = await join();
    const stranger = meeting.join();
    stranger.publish("health", "{}");
    const elsewhere = { about: "circuit", provider: "p", baseUrl: "http://other", model: "m", until: 9e15, reason: "" };
    stranger.publish("health", JSON.stringify(elsewhere));
    await turns();
    expect(first.target.status()).toBe("healthy");
    expect(first.told.join()).toContain("is not understood");
  });
});

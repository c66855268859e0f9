import { afterEach, describe, expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { textBytes } from "../../src/coordination/decisions.ts";
import { createRedisCoordinator } from "../../src/coordination/redis/redis-coordinator.ts";
import { GatewayError } from "../../src/errors.ts";
import { startRedisServer, type RedisServer } from "../support/redis-server.ts";
import { until, untilUp } from "./until-up.ts";

let leases = 0;

function take(coordinator: Coordinator, key: string, concurrency?: number): Promise<{ isTaken: boolean }> {
  leases += 1;
  const lease = `outage-${leases}`;
  const scopes = [{ key, rpm: 1e6, concurrency }];
  return coordinator.decide("limits.take", { lease, ttlMs: 30_000, tokens: 0, isWaiting: false, scopes });
}

/** A text of 1256 bytes, on a shelf that has room for five of them. */
async function shelve(coordinator: Coordinator, id: string): Promise<void> {
  const text = "x".repeat(1256 - textBytes);
  await coordinator.decide("shelf.put", { shelf: "s", id, text, ttlMs: 60_000, maxBytes: 5 * 1256 });
}

/** How long this name has to wait before it may fail, on a list of five. */
async function fail(coordinator: Coordinator, name: string): Promise<number> {
  const subjects = [{ list: "l", name, free: 0, longestMs: 60_000 }];
  const { waitMs } = await coordinator.decide("failures.count", { subjects, rememberedMs: 60_000, mostNames: 5 });
  return waitMs;
}

async function failureOf(work: Promise<unknown>): Promise<GatewayError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** What becomes of decisions while Redis is frozen, killed, or says no. */
export function outageConformance(server: RedisServer): void {
  let coordinator: Coordinator;
  let prefixes = 0;

  async function connect(url = server.url, now?: () => number): Promise<Coordinator> {
    prefixes += 1;
    const options = { url, address: "127.0.0.1", timeoutMs: 75, prefix: `outage-${prefixes}`, now };
    coordinator = createRedisCoordinator(options);
    await untilUp(coordinator);
    return coordinator;
  }

  function countOf(key: string): Promise<unknown> {
    return server.ask("HGET", `{outage-${prefixes}}:counts:${key}`, "requests");
  }

  function bytesOnShelf(): Promise<unknown> {
    return server.ask("GET", `{outage-${prefixes}}:bytes:s`);
  }

  describe("Redis: outages", () => {
    afterEach(() => coordinator.close());

    test("a frozen one delays the requests of the moment by the timeout, and no later ones", async () => {
      await connect();
      await take(coordinator, "key:a");
      server.freeze();
      try {
        const first = await Promise.all(
          Array.from({ length: 20 }, () => durationOf(() => failureOf(take(coordinator, "key:a")))),
        );
        expect(Math.max(...first)).toBeLessThan(200);
        expect(Math.min(...first)).toBeGreaterThanOrEqual(74);
        expect(coordinator.state().isUp).toBe(false);
        expect(await durationOf(() => failureOf(take(coordinator, "key:a")))).toBeLessThan(20);
      } finally {
        server.thaw();
      }
      expect(await durationOf(() => untilUp(coordinator))).toBeLessThan(1000);
      // Those that were sent are carried out late, once each; those while it was away never.
      expect(await countOf("key:a")).toBe("21");
      expect(await take(coordinator, "key:a")).toMatchObject({ isTaken: true });
      expect(await countOf("key:a")).toBe("22");
    });

    test("an answer that lies unread while this process is busy is not taken for none", async () => {
      await connect();
      const asked = take(coordinator, "key:a");
      const busyUntil = performance.now() + 300;
      while (performance.now() < busyUntil);
      expect(await asked).toMatchObject({ isTaken: true });
      expect(coordinator.state().isUp).toBe(true);
    });

    test("one that was frozen for long is found again within five seconds, and nothing is sent twice", async () => {
      await connect();
      server.freeze();
      let first: GatewayError;
      try {
        first = await failureOf(take(coordinator, "key:a"));
        await Bun.sleep(3500);
        expect(coordinator.state().isUp).toBe(false);
      } finally {
        server.thaw();
      }
      expect(first).toMatchObject({ status: 503, retryable: true, retryAfterSeconds: 1 });
      expect(await durationOf(() => untilUp(coordinator))).toBeLessThan(5000);
      await take(coordinator, "key:a");
      expect(Number(await countOf("key:a"))).toBeLessThanOrEqual(2);
    }, 15_000);

    test("one that dies is found again within five seconds after it was started", async () => {
      await connect();
      const heard: string[] = [];
      await server.kill();
      await until(false, coordinator);
      const failure = await failureOf(take(coordinator, "key:a"));
      expect(failure.message).toStartWith("Redis at 127.0.0.1 cannot be used: ");
      await server.start();
      expect(await durationOf(() => untilUp(coordinator))).toBeLessThan(5000);
      // It knows no script any more, and nobody listens: both are mended.
      expect(await take(coordinator, "key:a")).toMatchObject({ isTaken: true });
      const end = coordinator.subscribe("news", (message) => heard.push(message));
      await server.ask("PUBLISH", `{outage-${prefixes}}:news`, "somebody news after");
      while (heard.length === 0) await Bun.sleep(5);
      end();
      expect(heard).toEqual(["after"]);
    }, 15_000);

    for (const { setting, refusing, well, says } of [
      { setting: "maxmemory", refusing: "1", well: "0", says: "OOM command not allowed" },
      { setting: "min-replicas-to-write", refusing: "1", well: "0", says: "NOREPLICAS" },
    ]) {
      test(`one that answers and writes nothing (${setting}) is away, says why, and is found again`, async () => {
        await connect();
        await take(coordinator, "key:a");
        const states: boolean[] = [];
        coordinator.onState(({ isUp }) => states.push(isUp));
        await server.ask("CONFIG", "SET", setting, refusing);
        try {
          const { message, status } = await failureOf(take(coordinator, "key:a"));
          expect(status).toBe(503);
          expect(message).toContain("refused a command: ");
          expect(message).toContain(says);
          await until(false, coordinator);
          expect(coordinator.state().problem).toStartWith(`Redis at 127.0.0.1 cannot be used: ${says}`);
          expect(coordinator.state().problem).not.toContain("user_script");
          // Connections are made meanwhile, and answer PING.
          await Bun.sleep(700);
          expect(await server.ask("PING")).toBe("PONG");
          expect((await failureOf(take(coordinator, "key:a"))).message).toContain(`cannot be used: ${says}`);
          expect(states).toEqual([false]);
        } finally {
          await server.ask("CONFIG", "SET", setting, well);
        }
        expect(await durationOf(() => untilUp(coordinator))).toBeLessThan(1000);
        expect(await take(coordinator, "key:a")).toMatchObject({ isTaken: true });
        expect(await countOf("key:a")).toBe("2");
      });
    }

    test("one that has not the right to run scripts is away", async () => {
      await server.ask("ACL", "SETUSER", "narrow", "on", "nopass", "~*", "&*", "+@all", "-eval", "-evalsha");
      try {
        const url = server.url.replace("redis://", "redis://narrow:any@");
        coordinator = createRedisCoordinator({ url, address: "127.0.0.1", timeoutMs: 75, prefix: "narrow" });
        const giveUpAt = performance.now() + 2000;
        while (!coordinator.state().problem?.includes("NOPERM") && performance.now() < giveUpAt) await Bun.sleep(10);
        expect(coordinator.state()).toMatchObject({ isUp: false, problem: expect.stringContaining("NOPERM") });
      } finally {
        await server.ask("ACL", "DELUSER", "narrow");
      }
    });

    test("a command that it refuses by itself costs the others nothing", async () => {
      await connect();
      const states: boolean[] = [];
      coordinator.onState(({ isUp }) => states.push(isUp));
      await server.ask("SET", `{outage-${prefixes}}:counts:key:odd`, "no hash");
      expect((await failureOf(take(coordinator, "key:odd"))).message).toContain("WRONGTYPE");
      expect(await take(coordinator, "key:a")).toMatchObject({ isTaken: true });
      expect(states).toEqual([]);
    });

    test("a shelf is gone when the time of all its texts is over", async () => {
      await connect();
      await coordinator.decide("shelf.put", { shelf: "s", id: "short", text: "life", ttlMs: 50, maxBytes: 1000 });
      expect(await coordinator.decide("shelf.get", { shelf: "s", id: "short" })).toEqual({ text: "life" });
      await Bun.sleep(80);
      expect(await server.ask("KEYS", `{outage-${prefixes}}:*:s`)).toEqual([]);
    });

    for (const lost of ["texts", "ends", "bytes"]) {
      test(`a shelf of which a Redis that was full has let the ${lost} go begins anew`, async () => {
        await connect();
        const ids = ["a", "b", "c", "d", "e", "f", "g"];
        for (const id of ids) await shelve(coordinator, id);
        await server.ask("DEL", `{outage-${prefixes}}:${lost}:s`);
        for (const id of ids) await shelve(coordinator, id);
        const found = await Promise.all(ids.map((id) => coordinator.decide("shelf.get", { shelf: "s", id })));
        expect(ids.filter((_, at) => found[at]?.text !== undefined)).toHaveLength(5);
        expect(await bytesOnShelf()).toBe(String(5 * 1256));
      });
    }

    for (const lost of ["tallies", "failed"]) {
      test(`failures of which a Redis that was full has let the ${lost} go are counted anew, in a bounded number`, async () => {
        let time = Date.now();
        await connect(server.url, () => (time += 1));
        for (const name of ["a", "b", "c", "d", "e"]) expect(await fail(coordinator, name)).toBe(0);
        await server.ask("DEL", `{outage-${prefixes}}:${lost}:l`);
        const names = ["f", "g", "h", "i", "j"];
        for (const name of names) expect(await fail(coordinator, name)).toBe(0);
        for (const name of names) expect(await fail(coordinator, name)).toBeGreaterThan(0);
        expect(Number(await server.ask("HLEN", `{outage-${prefixes}}:tallies:l`))).toBe(5);
        expect(Number(await server.ask("ZCARD", `{outage-${prefixes}}:failed:l`))).toBe(5);
      });
    }

    test("texts whose time is over leave a shelf when the next one comes", async () => {
      let time = Date.now();
      await connect(server.url, () => time);
      for (const id of ["a", "b", "c"]) await shelve(coordinator, id);
      expect(await bytesOnShelf()).toBe(String(3 * 1256));
      time += 60_000;
      await shelve(coordinator, "d");
      expect(await bytesOnShelf()).toBe("1256");
    });

    test("a password is used and told nobody", async () => {
      const locked = await startRedisServer({ password: "canary p@ss:wörd/" });
      if (locked === undefined) throw new Error("Redis is installed, and does not start");
      try {
        await connect(locked.url);
        expect(await take(coordinator, "key:a")).toMatchObject({ isTaken: true });
        await coordinator.close();
        const wrong = locked.url.replace("canary", "canary-wrong");
        coordinator = createRedisCoordinator({ url: wrong, address: "127.0.0.1", timeoutMs: 75, prefix: "x" });
        const { promise: noticed, resolve } = Promise.withResolvers<void>();
        setTimeout(resolve, 400);
        await noticed;
        const { message } = await failureOf(take(coordinator, "key:a"));
        expect(message).not.toContain("canary");
        expect(message).toBe(
          "Redis at 127.0.0.1 cannot be used: a server answers there and refuses the connection: look at the user, the password and TLS (rediss://).",
        );
      } finally {
        await locked.stop();
      }
    });

    test("no key of it stays for ever", async () => {
      await connect();
      const now = Date.now();
      await take(coordinator, "key:a");
      const scopes = [{ key: "key:b", tpm: 5 }];
      await coordinator.decide("limits.take", { lease: "t", ttlMs: 1000, tokens: 1, isWaiting: false, scopes });
      const accounts = [{ key: "key:day", most: 10, start: now, end: now + 1000, seed: 0 }];
      await coordinator.decide("budgets.reserve", { lease: "b", ttlMs: 1000, amount: 1, accounts });
      await coordinator.decide("budgets.settle", { lease: "c", accounts: ["key:day"], amount: 1, ageMs: 0 });
      await coordinator.decide("leases.renew", { ttlMs: 1000, leases: [{ lease: "r", places: ["key:z"] }] });
      await coordinator.decide("notes.put", { board: "n", id: "i", text: "t", ttlMs: 1000 });
      const shelved = { shelf: "s", id: "i", ttlMs: 1000, maxBytes: 1000 };
      for (const text of ["t", ""]) await coordinator.decide("shelf.put", { ...shelved, text });
      await coordinator.decide("shelf.put", { ...shelved, shelf: "z", text: "t" });
      const subject = { list: "l", name: "n", free: 0, longestMs: 1 };
      await coordinator.decide("failures.count", { subjects: [subject], rememberedMs: 1000, mostNames: 1 });
      const keys = (await server.ask("KEYS", `{outage-${prefixes}}:*`)) as string[];
      expect(keys.length).toBeGreaterThanOrEqual(15);
      for (const key of keys) expect([key, Number(await server.ask("PTTL", key)) > 0]).toEqual([key, true]);
    });
  });
}

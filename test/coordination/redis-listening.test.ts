import { afterAll, expect, test } from "bun:test";
import type { Coordinator } from "../../src/coordination/coordinator.ts";
import { createRedisCoordinator } from "../../src/coordination/redis/redis-coordinator.ts";
import { startRedisProxy, type RedisProxy } from "../support/redis-proxy.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { untilUp } from "./until-up.ts";

interface Scene extends AsyncDisposable {
  readonly proxy: RedisProxy;
  /** Behind the proxy. */
  readonly listener: Coordinator;
  readonly teller: Coordinator;
  /** What the listener was told of its state since the beginning. */
  readonly states: readonly boolean[];
  /** Settles when the listener has heard what the teller says until then, over and over. */
  heard(message: string): Promise<void>;
}

const server = await startRedisServer();
let scenes = 0;

async function openScene(redisUrl: string): Promise<Scene> {
  scenes += 1;
  const proxy = await startRedisProxy(redisUrl);
  const join = async (url: string): Promise<Coordinator> => {
    const options = { url, address: "127.0.0.1", timeoutMs: 2000, prefix: `listening-${scenes}` };
    const coordinator = createRedisCoordinator(options);
    await untilUp(coordinator);
    return coordinator;
  };
  const [listener, teller] = await Promise.all([join(proxy.url), join(redisUrl)]);
  const states: boolean[] = [];
  listener.onState(({ isUp }) => states.push(isUp));
  return {
    proxy,
    listener,
    teller,
    states,
    async heard(message) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = listener.subscribe("circuits", (text) => {
        if (text === message) resolve();
      });
      const telling = setInterval(() => teller.publish("circuits", message), 20);
      await promise;
      clearInterval(telling);
      end();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([listener.close(), teller.close()]);
      await proxy[Symbol.asyncDispose]();
    },
  };
}

async function durationOf(work: Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work;
  return performance.now() - from;
}

if (server !== undefined) {
  afterAll(() => server.stop());

  test("news is heard again within five seconds after the connection that brings it was lost without a word", async () => {
    await using scene = await openScene(server.url);
    await scene.heard("before");
    scene.proxy.loseListeners();
    scene.proxy.carryListeners();
    const again = durationOf(scene.heard("after"));
    // Decisions have a connection of their own.
    await scene.listener.decide("notes.put", { board: "circuits", id: "a", text: "open", ttlMs: 60_000 });
    expect(await again).toBeLessThan(5000);
    expect(scene.proxy.listeners()).toBe(2);
    // It was never away; that it is told again makes it read what was said meanwhile.
    expect(scene.states).toEqual([true]);
  }, 15_000);

  test("decisions go on while no connection brings news, and one that can be had again is found within five seconds", async () => {
    await using scene = await openScene(server.url);
    await scene.heard("before");
    scene.proxy.loseListeners();
    // It has tried twice, in vain.
    while (scene.proxy.listeners() < 3) {
      await scene.listener.decide("notes.list", { board: "circuits" });
      await Bun.sleep(20);
    }
    expect(scene.states).toEqual([]);
    scene.proxy.carryListeners();
    expect(await durationOf(scene.heard("after"))).toBeLessThan(5000);
    expect(scene.states).toEqual([true]);
  }, 30_000);

  test("a connection on which nobody says anything is kept", async () => {
    await using scene = await openScene(server.url);
    // Longer than it takes to find out that nothing is heard.
    await Bun.sleep(3500);
    expect(scene.proxy.listeners()).toBe(1);
    expect(scene.states).toEqual([]);
  }, 15_000);
}

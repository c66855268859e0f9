import { describe, expect, test } from "bun:test";
import type { Lease, Limiter, LimitRefusal, Scope } from "../../src/limits/limiter.ts";
import { createWorld, leaseOf, refusalOf, scopeOf, settled, wanting, watch } from "./limiter-world.ts";

const local = scopeOf("provider", { concurrency: 1 }, "local");
const cloud = scopeOf("provider", { concurrency: 1 }, "cloud");

function waitFor(limiter: Limiter, scopes: readonly Scope[], demand = wanting()) {
  return watch((waiting) => limiter.wait(scopes, demand, waiting));
}

function waitingOf(limiter: Limiter): number {
  const shown = limiter.view().reduce((sum, { waiting }) => sum + waiting, 0);
  expect(limiter.waiting()).toBe(shown);
  return shown;
}

describe("places", () => {
  test("are counted and given back once", () => {
    const { limiter } = createWorld();
    const scopes = [scopeOf("provider", { concurrency: 2 })];
    const [first, second] = [leaseOf(limiter.take(scopes, wanting())), leaseOf(limiter.take(scopes, wanting()))];
    expect(refusalOf(limiter.take(scopes, wanting()))).toMatchObject({ by: "concurrency", retryAfterMs: 1000 });
    first.release();
    first.release();
    first.release();
    expect(limiter.view()[0]?.inUse).toBe(1);
    leaseOf(limiter.take(scopes, wanting()));
    refusalOf(limiter.take(scopes, wanting()));
    second.release();
  });

  test("are taken of all scopes or of none", () => {
    const { limiter } = createWorld();
    const busy = leaseOf(limiter.take([cloud], wanting()));
    refusalOf(limiter.take([local, cloud], wanting()));
    expect(limiter.view().find(({ scope }) => scope.id === "local")?.inUse).toBe(0);
    busy.release();
    leaseOf(limiter.take([local, cloud], wanting())).release();
    expect(limiter.view().map(({ inUse }) => inUse)).toEqual([0, 0]);
  });

  test("a scope that is named twice is taken once", () => {
    const { limiter } = createWorld();
    leaseOf(limiter.take([local, { ...local }], wanting()));
    expect(limiter.view()[0]?.inUse).toBe(1);
  });

  test("after a limit was lowered nothing new is let in until there is room below it", () => {
    const { limiter } = createWorld();
    const before = [scopeOf("key", { concurrency: 3 })];
    const after = [scopeOf("key", { concurrency: 1 })];
    const held = [1, 2, 3].map(() => leaseOf(limiter.take(before, wanting())));
    refusalOf(limiter.take(after, wanting()));
    held[0]?.release();
    refusalOf(limiter.take(after, wanting()));
    held[1]?.release();
    refusalOf(limiter.take(after, wanting()));
    held[2]?.release();
    leaseOf(limiter.take(after, wanting()));
  });
});

describe("waiting", () => {
  test("with a priority that is no number is as usual, and leaves nothing behind", async () => {
    for (const priority of [Object as unknown as number, Number.NaN, Infinity, -Infinity]) {
      const { limiter } = createWorld();
      const holder = leaseOf(limiter.take([local], wanting()));
      const usual = waitFor(limiter, [local]);
      const odd = waitFor(limiter, [local], wanting(0, priority));
      const urgent = Array.from({ length: 10 }, () => waitFor(limiter, [local], wanting(0, 1)));
      odd.leave();
      await settled();
      expect(refusalOf(odd.outcome as LimitRefusal).by).toBe("queue");
      expect(waitingOf(limiter)).toBe(11);
      holder.release();
      for (const { promise, outcome } of [...urgent, usual].map((seen) => ({ ...seen, outcome: () => seen.outcome }))) {
        await promise;
        leaseOf(outcome() as Lease).release();
      }
      expect(limiter.view().map(({ inUse, waiting }) => [inUse, waiting])).toEqual([[0, 0]]);
      leaseOf(limiter.take([local], wanting())).release();
    }
  });

  test("whoever finds room does not wait", async () => {
    const { limiter } = createWorld();
    const seen = waitFor(limiter, [local]);
    expect(limiter.view()[0]?.inUse).toBe(1);
    await seen.promise;
    leaseOf(seen.outcome as Lease);
    expect(seen.positions).toEqual([]);
  });

  test("ends in order of arrival, and higher priority goes first", async () => {
    const { limiter } = createWorld();
    let holder = leaseOf(limiter.take([local], wanting()));
    const order: string[] = [];
    const enter = async (name: string, priority: number): Promise<void> => {
      const outcome = await limiter.wait([local], wanting(0, priority), { onLeave: () => undefined });
      order.push(name);
      holder = leaseOf(outcome);
    };
    const all = [enter("a0", 0), enter("b0", 0), enter("c5", 5), enter("d5", 5), enter("e-1", -1), enter("f0", 0)];
    for (let index = 0; index < all.length; index += 1) {
      holder.release();
      await settled();
      expect(order).toHaveLength(index + 1);
    }
    await Promise.all(all);
    expect(order).toEqual(["c5", "d5", "a0", "b0", "f0", "e-1"]);
  });

  test("nobody overtakes those who wait: a place that is given back is gone at once", async () => {
    const { limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    const seen = waitFor(limiter, [local]);
    holder.release();
    refusalOf(limiter.take([local], wanting()));
    await seen.promise;
    leaseOf(seen.outcome as Lease).release();
    leaseOf(limiter.take([local], wanting()));
  });

  test("for one provider does not hold up those for another", async () => {
    const { limiter } = createWorld();
    const total = scopeOf("total", { concurrency: 2 });
    const slow = leaseOf(limiter.take([total, local], wanting()));
    const quick = leaseOf(limiter.take([total, cloud], wanting()));
    const forLocal = waitFor(limiter, [total, local], wanting(0, 9));
    const forCloud = waitFor(limiter, [total, cloud]);
    quick.release();
    await settled();
    expect(forLocal.outcome).toBeUndefined();
    leaseOf(forCloud.outcome as Lease).release();
    // There is room in all but one of its scopes; it waits for that one now.
    expect(limiter.view().find(({ scope }) => scope.id === "local")?.waiting).toBe(1);
    slow.release();
    await settled();
    leaseOf(forLocal.outcome as Lease);
  });

  test("keeps the rank of its arrival when it comes to wait for another scope", async () => {
    const { limiter } = createWorld();
    const total = scopeOf("total", { concurrency: 2 });
    const slow = leaseOf(limiter.take([local], wanting()));
    const [first, second] = [leaseOf(limiter.take([total], wanting())), leaseOf(limiter.take([total], wanting()))];
    const both = waitFor(limiter, [total, local]);
    const onlyLocal = waitFor(limiter, [local]);
    first.release();
    second.release();
    slow.release();
    await settled();
    leaseOf(both.outcome as Lease);
    expect(onlyLocal.outcome).toBeUndefined();
  });

  test("rpm and tpm never wait: they refuse at once, and again when the turn comes", async () => {
    const { clock, limiter } = createWorld();
    const key = scopeOf("key", { rpm: 2 });
    const holder = leaseOf(limiter.take([key, local], wanting()));
    const waits = [1, 2].map(() => waitFor(limiter, [key, local]));
    clock.advance(10_000);
    holder.release();
    await settled();
    const [first, second] = waits;
    leaseOf(first?.outcome as Lease).release();
    await settled();
    expect(refusalOf(second?.outcome as LimitRefusal)).toMatchObject({ by: "rpm", retryAfterMs: 50_000 });
    const late = waitFor(limiter, [key, local]);
    await late.promise;
    expect(refusalOf(late.outcome as LimitRefusal).by).toBe("rpm");
    expect(waitingOf(limiter)).toBe(0);
  });

  test("one that is refused at its turn leaves the place to the next", async () => {
    const { limiter } = createWorld();
    const used = scopeOf("key", { tpm: 10 }, "used");
    const holder = leaseOf(limiter.take([local], wanting()));
    const [first, second] = [waitFor(limiter, [used, local], wanting(10)), waitFor(limiter, [local])];
    leaseOf(limiter.take([used], wanting(10)));
    holder.release();
    await settled();
    expect(refusalOf(first.outcome as LimitRefusal).by).toBe("tpm");
    leaseOf(second.outcome as Lease);
  });

  test("ends when limits are raised or lifted", async () => {
    const { limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    const waits = [1, 2, 3].map(() => waitFor(limiter, [local]));
    limiter.configure({ size: 100, waitMs: 60_000 }, [scopeOf("provider", { concurrency: 2 }, "local")]);
    await settled();
    expect(waits.map(({ outcome }) => outcome !== undefined)).toEqual([true, false, false]);
    // Whoever brings the news stands behind those who waited for it.
    refusalOf(limiter.take([scopeOf("provider", { concurrency: 3 }, "local")], wanting()));
    await settled();
    expect(waits.map(({ outcome }) => outcome !== undefined)).toEqual([true, true, false]);
    limiter.configure({ size: 100, waitMs: 60_000 }, [scopeOf("provider", {}, "local")]);
    await settled();
    for (const { outcome } of waits) leaseOf(outcome as Lease).release();
    holder.release();
    expect(limiter.view()[0]).toMatchObject({ inUse: 0, waiting: 0 });
  });
});

describe("the queue's bounds", () => {
  test("what does not fit is refused with the time after which it will", async () => {
    const { clock, limiter } = createWorld({ queue: { size: 2, waitMs: 60_000 } });
    const earlier = leaseOf(limiter.take([local], wanting()));
    clock.advance(4000);
    earlier.release();
    leaseOf(limiter.take([local], wanting()));
    const waits = [waitFor(limiter, [local]), waitFor(limiter, [local])];
    const refused = waitFor(limiter, [local]);
    await refused.promise;
    expect(refusalOf(refused.outcome as LimitRefusal)).toEqual({ scope: local, by: "queue", retryAfterMs: 12_000 });
    expect(waits.map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
  });

  test("the size is over all scopes", async () => {
    const { limiter } = createWorld({ queue: { size: 1, waitMs: 60_000 } });
    for (const scope of [local, cloud]) leaseOf(limiter.take([scope], wanting()));
    waitFor(limiter, [local]);
    const refused = waitFor(limiter, [cloud]);
    await refused.promise;
    expect(refusalOf(refused.outcome as LimitRefusal)).toMatchObject({ scope: cloud, by: "queue" });
  });

  test.each([
    { size: 0, waitMs: 60_000 },
    { size: 10, waitMs: 0 },
  ])("none waits with %p", async (queue) => {
    const { clock, limiter } = createWorld({ queue });
    const idleAlarms = clock.alarms;
    leaseOf(limiter.take([local], wanting()));
    const refused = waitFor(limiter, [local]);
    await refused.promise;
    expect(refusalOf(refused.outcome as LimitRefusal).by).toBe("queue");
    expect(clock.alarms).toBe(idleAlarms + 1);
  });

  test("the longest wait ends in a refusal, and the queue closes up", async () => {
    const { clock, limiter } = createWorld({ queue: { size: 10, waitMs: 5000 } });
    const holder = leaseOf(limiter.take([local], wanting()));
    const first = waitFor(limiter, [local]);
    clock.advance(1000);
    const second = waitFor(limiter, [local]);
    clock.advance(4000);
    await settled();
    expect(refusalOf(first.outcome as LimitRefusal)).toMatchObject({ by: "queue", waitedMs: 5000, retryAfterMs: 1000 });
    expect(second.outcome).toBeUndefined();
    expect(second.positions.map(([position]) => position)).toEqual([2, 1]);
    holder.release();
    await settled();
    leaseOf(second.outcome as Lease);
    expect(waitingOf(limiter)).toBe(0);
  });

  test("a reload changes them for those who come later", async () => {
    const { clock, limiter } = createWorld({ queue: { size: 10, waitMs: 5000 } });
    leaseOf(limiter.take([local], wanting()));
    const before = waitFor(limiter, [local]);
    limiter.configure({ size: 2, waitMs: 1000 });
    const after = waitFor(limiter, [local]);
    const refused = waitFor(limiter, [local]);
    clock.advance(1000);
    await settled();
    expect(refusalOf(refused.outcome as LimitRefusal).waitedMs).toBeUndefined();
    expect(refusalOf(after.outcome as LimitRefusal).waitedMs).toBe(1000);
    expect(before.outcome).toBeUndefined();
  });
});

describe("a client that goes away", () => {
  test("leaves the queue at once, and its place in it to the next", async () => {
    const { clock, limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    const alarms = clock.alarms;
    const [gone, next] = [waitFor(limiter, [local]), waitFor(limiter, [local])];
    gone.leave();
    gone.leave();
    await gone.promise;
    expect(refusalOf(gone.outcome as LimitRefusal)).toMatchObject({ by: "queue", retryAfterMs: 0 });
    expect(next.positions.map(([position]) => position)).toEqual([2, 1]);
    expect(waitingOf(limiter)).toBe(1);
    holder.release();
    await settled();
    leaseOf(next.outcome as Lease).release();
    expect(clock.alarms).toBe(alarms);
    expect(limiter.view()[0]).toMatchObject({ inUse: 0, waiting: 0 });
  });

  test("before it waits is not told any position", async () => {
    const { limiter } = createWorld();
    leaseOf(limiter.take([local], wanting()));
    const positions: number[] = [];
    const outcome = await limiter.wait([local], wanting(), {
      onLeave: (leave) => leave(),
      onPosition: (position) => positions.push(position),
    });
    expect(refusalOf(outcome).by).toBe("queue");
    expect(positions).toEqual([]);
    expect(waitingOf(limiter)).toBe(0);
  });

  test("just as it got its place keeps it until that is released", async () => {
    const { limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    const seen = waitFor(limiter, [local]);
    holder.release();
    seen.leave();
    await seen.promise;
    expect(limiter.view()[0]?.inUse).toBe(1);
    leaseOf(seen.outcome as Lease).release();
    expect(limiter.view()[0]?.inUse).toBe(0);
  });
});

describe("position and time", () => {
  test("are told at entering and at every change", async () => {
    const { clock, limiter } = createWorld();
    const scopes = [scopeOf("provider", { concurrency: 2 }, "pair")];
    const held: Lease[] = [];
    for (let index = 0; index < 2; index += 1) held.push(leaseOf(limiter.take(scopes, wanting())));
    clock.advance(8000);
    held.shift()?.release();
    held.push(leaseOf(limiter.take(scopes, wanting())));
    // Places were held for 8 s, and there are two of them.
    const [first, second, third] = [1, 2, 3].map(() => waitFor(limiter, scopes));
    expect([first, second, third].map((seen) => seen?.positions)).toEqual([[[1, 4000]], [[2, 8000]], [[3, 12_000]]]);
    clock.advance(10_000);
    held.shift()?.release();
    await settled();
    leaseOf(first?.outcome as Lease);
    // The average moves by a fifth towards the 18 s of this one: 10 s.
    expect(second?.positions.at(-1)).toEqual([1, 5000]);
    expect(third?.positions.at(-1)).toEqual([2, 10_000]);
  });

  test("a time nobody knows is not told", () => {
    const { limiter } = createWorld();
    leaseOf(limiter.take([local], wanting()));
    expect(waitFor(limiter, [local]).positions).toEqual([[1, undefined]]);
  });

  test("are those among equals: higher priority pushes back", () => {
    const { limiter } = createWorld();
    leaseOf(limiter.take([local], wanting()));
    const usual = waitFor(limiter, [local]);
    waitFor(limiter, [local], wanting(0, 1));
    expect(usual.positions.map(([position]) => position)).toEqual([1, 2]);
  });

  test("a listener that throws ends its own waiting and nobody else's", async () => {
    const { limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    waitFor(limiter, [local]).leave();
    const front = waitFor(limiter, [local]);
    const faulty = limiter.wait([local], wanting(), {
      onLeave: () => undefined,
      onPosition(position) {
        if (position === 1) throw new Error("a bug of the listener's");
      },
    });
    const last = waitFor(limiter, [local]);
    holder.release();
    await settled();
    leaseOf(front.outcome as Lease).release();
    expect(String(await faulty.catch((thrown: unknown) => thrown))).toContain("a bug of the listener's");
    await settled();
    leaseOf(last.outcome as Lease).release();
    expect(limiter.view()[0]).toMatchObject({ inUse: 0, waiting: 0 });
  });

  test("an estimate that throws at its turn ends its own waiting and nobody else's", async () => {
    const { limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    let asked = 0;
    const tokens = () => {
      asked += 1;
      if (asked > 1) throw new Error("a bug of the estimate's");
      return 1;
    };
    const faulty = limiter.wait(
      [local, scopeOf("key", { tpm: 10 })],
      { tokens, priority: 0 },
      { onLeave: () => undefined },
    );
    const next = waitFor(limiter, [local]);
    holder.release();
    expect(String(await faulty.catch((thrown: unknown) => thrown))).toContain("a bug of the estimate's");
    leaseOf(next.outcome as Lease).release();
    expect(limiter.view().map(({ inUse, waiting }) => [inUse, waiting])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test("a listener may leave, and others be given places, while positions are told", async () => {
    const { limiter } = createWorld();
    const holder = leaseOf(limiter.take([local], wanting()));
    const front = waitFor(limiter, [local]);
    let leave: (() => void) | undefined;
    const leaving = limiter.wait([local], wanting(), {
      onLeave: (given) => (leave = given),
      onPosition: (position) => position === 1 && leave?.(),
    });
    const [third, fourth] = [waitFor(limiter, [local]), waitFor(limiter, [local])];
    holder.release();
    expect(refusalOf(await leaving).by).toBe("queue");
    expect(third.positions.at(-1)?.[0]).toBe(1);
    expect(fourth.positions.at(-1)?.[0]).toBe(2);
    leaseOf(front.outcome as Lease).release();
    await settled();
    leaseOf(third.outcome as Lease);
  });
});

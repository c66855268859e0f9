import { test } from "bun:test";
import { isRefusal, type Scope } from "../../src/limits/limiter.ts";
import { createLimiter } from "../../src/limits/memory-limiter.ts";
import { createOverload } from "../../src/limits/overload.ts";
import { scopeOf, wanting } from "./limiter-world.ts";

/** Nanoseconds for one of many. */
function costOf(once: (index: number) => void): number {
  const rounds = 100_000;
  for (let index = 0; index < rounds; index += 1) once(index);
  const from = performance.now();
  for (let index = 0; index < rounds; index += 1) once(index);
  return Math.round(((performance.now() - from) * 1e6) / rounds);
}

test("what it costs is printed", () => {
  const limiter = createLimiter({ queue: { size: 1000, waitMs: 1000 } });
  const all = { rpm: 1e9, tpm: 1e15, concurrency: 100 };
  const six = (["total", "key", "address", "model", "provider", "credential"] as const).map((kind) =>
    scopeOf(kind, all),
  );
  const demand = wanting(100);
  const life = (scopes: readonly Scope[]) => () => {
    const lease = limiter.take(scopes, demand);
    if (isRefusal(lease)) throw new Error("refused");
    lease.settle(90);
    lease.release();
  };
  const full = [scopeOf("provider", { rpm: 1 }, "full")];
  limiter.take(full, demand);
  const overload = createOverload({ maxRequests: 10, maxLagMs: 2000 });
  overload.start();
  const costs = {
    "no scope": costOf(life([])),
    "one place": costOf(life([scopeOf("provider", { concurrency: 5 }, "one")])),
    "six scopes, everything limited": costOf(life(six)),
    "a new address": costOf((index) => life([scopeOf("address", all, `${index}`)])()),
    "a refusal": costOf(() => limiter.take(full, demand)),
    "not overloaded": costOf(() => overload.refusal(1)),
  };
  overload.stop();
  for (const [what, cost] of Object.entries(costs)) console.log(`${what}: ${cost} ns`);
});

import { expect, test } from "bun:test";
import { againOnConflict } from "../../src/admin/again-on-conflict.ts";
import { GatewayError, invalidRequest } from "../../src/errors.ts";

const conflict = new GatewayError({ code: "conflict", status: 409, message: "faster" });

/** A clock that only pauses move. */
function patience(random: number) {
  const pauses: number[] = [];
  let time = 0;
  return {
    pauses,
    random: () => random,
    now: () => time,
    pause(milliseconds: number) {
      pauses.push(milliseconds);
      time += milliseconds;
      return Promise.resolve();
    },
  };
}

test("work that meets others is begun anew, after pauses that grow to a fifth of a second", async () => {
  const own = patience(1);
  let tries = 0;
  const work = (): Promise<string> => ((tries += 1) < 10 ? Promise.reject(conflict) : Promise.resolve("done"));
  expect(await againOnConflict(work, own)).toBe("done");
  expect(own.pauses).toEqual([5, 10, 20, 40, 80, 160, 200, 200, 200]);
});

test("it gives up in time, with the conflict", async () => {
  const own = patience(0.5);
  const outcome = againOnConflict(() => Promise.reject(conflict), { ...own, forMs: 1000 });
  expect(await outcome.catch((error: unknown) => error)).toBe(conflict);
  const total = own.pauses.reduce((sum, pause) => sum + pause, 0);
  expect(total).toBeGreaterThanOrEqual(1000);
  expect(total).toBeLessThan(1100);
});

test("whatever else goes wrong is not tried again", async () => {
  const own = patience(1);
  const wrong = invalidRequest("wrong");
  expect(await againOnConflict(() => Promise.reject(wrong), own).catch((error: unknown) => error)).toBe(wrong);
  expect(own.pauses).toEqual([]);
});

import { expect, test } from "bun:test";
import { within } from "../../src/lib/within.ts";

test("work that is done in time is waited for", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isOver = false;
  const waiting = within(10_000, promise).finally(() => (isOver = true));
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  resolve();
  expect(await waiting).toBe(true);
});

test("what takes longer is not", async () => {
  expect(await within(1, new Promise(() => undefined))).toBe(false);
});

test("work that fails in time fails here, and one that fails later disturbs nobody", async () => {
  const failed = within(10_000, Promise.reject(new Error("broken")));
  expect(await failed.catch((error: Error) => error.message)).toBe("broken");
  const { promise, reject } = Promise.withResolvers<void>();
  expect(await within(1, promise)).toBe(false);
  reject(new Error("late"));
  await new Promise(setImmediate);
});

import { expect, test } from "bun:test";
import { workerCount } from "../../../src/runtime/workers/worker-count.ts";

const linux = { platform: "linux", processors: 6 };

test("on Linux there are as many workers as asked for, or as processors", () => {
  expect(workerCount(1, linux)).toBe(1);
  expect(workerCount(4, linux)).toBe(4);
  expect(workerCount("auto", linux)).toBe(6);
});

test.each(["win32", "darwin"])("on %s one process serves, and more are refused with what to do instead", (platform) => {
  const machine = { platform, processors: 6 };
  expect(workerCount(1, machine)).toBe(1);
  expect(workerCount("auto", machine)).toBe(1);
  expect(() => workerCount(2, machine)).toThrow(/for Linux; here leave out --workers .* behind a proxy/);
});

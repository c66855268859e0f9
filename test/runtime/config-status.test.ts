import { expect, test } from "bun:test";
import { createConfigStatus } from "../../src/runtime/config-status.ts";

test("a refused configuration is told in one line, since the first refusal, until one is taken over", () => {
  let now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const outcomes: string[] = [];
  const status = createConfigStatus({ metrics: { configRead: (outcome) => outcomes.push(outcome) }, now: () => now });
  expect(status.notices()).toEqual([]);
  status.read("server.prot: unknown key\n  did you mean 'port'?");
  now += 60_000;
  status.read(`models: ${"x".repeat(1000)}`);
  const [notice = "", ...others] = status.notices();
  expect(notice).toStartWith("The configuration on disk is refused since 2026-01-02T03:04:05Z; ");
  // Anybody may ask: what it says of hosts and names is for the log.
  expect(notice).not.toContain("xxx");
  expect(others).toEqual([]);
  status.read("two\r\nlines\n");
  expect(status.notices()).toEqual([notice]);
  status.read(undefined);
  expect(status.notices()).toEqual([]);
  expect(outcomes).toEqual(["refused", "refused", "refused", "ok"]);
});

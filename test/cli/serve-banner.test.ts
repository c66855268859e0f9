import { expect, test } from "bun:test";
import { banner } from "../../src/cli/serve-banner.ts";
import { configFolder } from "../config/folder.ts";

function accessOf(issued: number, keys = ""): string {
  using folder = configFolder({ "orcestator.yaml": `providers: { d: { type: dummy } }\n${keys}` });
  const loaded = folder.load({ env: { REDIS_URL: "redis://:the-redis-password@redis.example:6380" } });
  return banner(loaded, {
    url: "http://127.0.0.1:8000",
    metricsUrl: undefined,
    issuedKeys: () => issued,
  });
}

test("where keys are issued, the banner says that nobody comes in without one", () => {
  expect(accessOf(0)).toContain("this machine without a key");
  expect(accessOf(2)).toContain("with a key (2 issued here); nobody without");
  expect(accessOf(2)).not.toContain("this machine");
  expect(accessOf(1, "keys: { inbound: [abc] }")).toContain("with a key (1 set, 1 issued here); nobody without");
});

test("the banner names Redis by its address, without its password", () => {
  expect(accessOf(0)).toMatch(/Redis\S* +redis\.example:6380\n/);
  expect(accessOf(0)).not.toContain("the-redis-password");
});

test("the banner names no Redis that is not used", () => {
  expect(accessOf(0, "redis: { enabled: false }")).not.toContain("redis.example");
});

import { expect, test } from "bun:test";
import { banner } from "../../src/cli/serve-banner.ts";
import { configFolder } from "../config/folder.ts";

interface Known {
  readonly issued?: number;
  readonly wereIssued?: boolean;
  readonly keysAreKnown?: boolean;
}

function bannerOf(settings: string, { issued = 0, wereIssued = issued > 0, keysAreKnown = true }: Known = {}): string {
  using folder = configFolder({ "orcestator.yaml": `providers: { d: { type: dummy } }\n${settings}` });
  const loaded = folder.load({ env: { REDIS_URL: "redis://:the-redis-password@redis.example:6380" } });
  return banner(loaded, {
    url: "http://127.0.0.1:8000",
    metricsUrl: undefined,
    issuedKeys: () => issued,
    keysWereIssued: () => wereIssued,
    keysAreKnown: () => keysAreKnown,
  });
}

test("where keys are issued, the banner says that nobody comes in without one", () => {
  expect(bannerOf("")).toContain("this machine without a key");
  expect(bannerOf("", { issued: 2 })).toContain("with a key (2 issued here); nobody without");
  expect(bannerOf("", { issued: 2 })).not.toContain("this machine");
  expect(bannerOf("keys: { inbound: [abc] }", { issued: 1 })).toContain(
    "with a key (1 set, 1 issued here); nobody without",
  );
});

test("where all keys that were issued are gone, the banner names nobody who would not be served", () => {
  const gone = { wereIssued: true };
  expect(bannerOf("server: { anonymous: all }", gone)).toMatch(
    /Access\S* +nobody until a key is issued: .*keys\.reopen/,
  );
  expect(bannerOf("server: { anonymous: all }\nkeys: { reopen: true }", gone)).toContain("ANYONE WITHOUT A KEY");
});

test("the banner names Redis by its address, without its password", () => {
  expect(bannerOf("")).toMatch(/Redis\S* +redis\.example:6380\n/);
  expect(bannerOf("")).not.toContain("the-redis-password");
});

test("the banner names no Redis that is not used", () => {
  expect(bannerOf("redis: { enabled: false }")).not.toContain("redis.example");
});

test("while the database has not been read, the banner says so, and lets nobody in by what it does not know", () => {
  const storage = 'storage: { url: "postgres://gw:the-password@db.example/gw" }';
  const text = bannerOf(storage, { keysAreKnown: false });
  expect(text).toMatch(
    /Database\S* +not reachable yet; tried again until it is: postgres:\/\/gw@db\.example:5432\/gw\n/,
  );
  expect(text).toMatch(/Access\S* +nobody until the keys in the database are known \(503\)\n/);
  expect(text).not.toContain("the-password");
  const withKeys = bannerOf(`${storage}\nkeys: { inbound: [abc] }`, { keysAreKnown: false });
  expect(withKeys).toContain("with a key of the configuration (1 set); nobody else until");
  expect(bannerOf(storage)).toMatch(/Database\S* +postgres:\/\/gw@db\.example:5432\/gw\n/);
});

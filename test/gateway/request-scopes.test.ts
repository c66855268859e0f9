import { describe, expect, test } from "bun:test";
import { createRequestScopes } from "../../src/gateway/request-scopes.ts";
import type { Scope } from "../../src/limits/limiter.ts";
import { configured, openaiCompatibleAt } from "../routing/configured.ts";
import { plainFacts, routed } from "./routed.ts";

function scopesFor(limits: object, call: { keyId?: string; clientAddress?: string | undefined } = {}): string[] {
  const scopes = createRequestScopes(configured({ limits }).limits).of(
    { keyId: "key-1", clientAddress: "192.0.2.1", ...call },
    undefined,
  );
  return scopes.map(({ kind, id }) => `${kind}:${id}`);
}

test("nothing that is not limited is counted", () => {
  expect(scopesFor({})).toEqual([]);
  expect(scopesFor({ total: {}, key: {}, address: {} })).toEqual([]);
});

test("a request is limited with all others, by its key and by its address", () => {
  expect(scopesFor({ total: { rpm: 1 } })).toEqual(["total:"]);
  expect(scopesFor({ key: { tpm: 1 } })).toEqual(["key:key-1"]);
  expect(scopesFor({ address: { concurrency: 1 } })).toEqual(["address:192.0.2.1"]);
  expect(scopesFor({ total: { rpm: 1 }, key: { rpm: 1 }, address: { rpm: 1 } })).toEqual([
    "total:",
    "key:key-1",
    "address:192.0.2.1",
  ]);
});

test("callers without a key share one, and whoever has a network is one address", () => {
  const limits = { key: { rpm: 1 }, address: { rpm: 1 } };
  expect(scopesFor(limits, { keyId: "anonymous", clientAddress: "2001:db8:0:7::1" })).toEqual([
    "key:anonymous",
    "address:2001:db8:0:7::/64",
  ]);
  expect(scopesFor(limits, { clientAddress: undefined })).toEqual(["key:key-1", "address:unknown"]);
});

describe("a model's own limits", () => {
  const { table } = routed(
    configured({
      providers: { a: openaiCompatibleAt("http://a.test") },
      models: {
        limited: { targets: [{ provider: "a", model: "m" }], rpm: 2 },
        "star-*": { targets: [{ provider: "a", model: "*" }], concurrency: 1 },
        free: { targets: [{ provider: "a", model: "m" }] },
      },
    }),
  );
  const of = (model: string, limits: object = {}): readonly Scope[] =>
    createRequestScopes(configured({ limits }).limits).of(
      { keyId: "key-1", clientAddress: undefined },
      table.resolve(model, plainFacts).first,
    );

  test("count beside those of callers", () => {
    expect(of("limited")).toMatchObject([{ kind: "model", id: "limited", limits: { rpm: 2 } }]);
    expect(of("limited", { total: { rpm: 9 } })).toMatchObject([{ kind: "total" }, { kind: "model", id: "limited" }]);
    expect(of("free")).toEqual([]);
  });

  test("are shared by all names of a wildcard", () =>
    expect([of("star-a"), of("star-b")]).toMatchObject([[{ id: "star-*" }], [{ id: "star-*" }]]));

  test("are the same object for every request, which is compared fast", () =>
    expect(of("limited")[0]).toBe(of("limited")[0]));
});

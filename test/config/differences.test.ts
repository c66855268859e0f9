import { expect, test } from "bun:test";
import { changedPlaces, configDifferences } from "../../src/config/differences.ts";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { configFolder } from "./folder.ts";

const base = {
  providers: {
    p: { type: "openai", credentials: ["sk-canary-0000-aaaa"], headers: { "x-key": "header-canary-1111-same" } },
    q: { type: "dummy" },
  },
  models: { m: { targets: [{ provider: "p", model: "a" }] } },
};

function configOf(settings: object): ResolvedConfig {
  using folder = configFolder({ "orcestator.json": JSON.stringify(settings) });
  return folder.load().config;
}

function differencesOf(before: object, after: object): [string, unknown, unknown][] {
  return configDifferences(configOf(before), configOf(after)).map(({ path, before: was, after: is }) => [
    path,
    was,
    is,
  ]);
}

test("equal configurations have no differences, however they are written", () => {
  const same = {
    models: base.models,
    providers: {
      q: base.providers.q,
      p: { ...base.providers.p, credentials: [{ key: "sk-canary-0000-aaaa" }], retries: "2" },
    },
    server: { drain: 30 },
  };
  expect(differencesOf(base, same)).toEqual([]);
});

test("a changed value is told with its path and both values", () => {
  const model = { ...base.models.m, targets: [{ provider: "q", model: "a", weight: 2 }], fallbacks: ["n"] };
  const after = { ...base, server: { drain: "1m" }, models: { m: model, n: base.models.m } };
  expect(differencesOf(base, after)).toEqual(
    expect.arrayContaining([
      ["server.drain", 30_000, 60_000],
      ["models.m.targets[0].provider", "p", "q"],
      ["models.m.targets[0].weight", 1, 2],
      ["models.m.fallbacks", [], ["n"]],
      ["models.n.targets[0].provider", undefined, "p"],
    ]),
  );
});

test("a changed secret is a difference and is not shown, also where both masks look the same", () => {
  const provider = {
    ...base.providers.p,
    credentials: ["sk-canary-2222-aaaa", { key: "sk-canary-3333-bbbb", weight: 2 }],
    headers: { "x-key": "header-canary-2222-same" },
  };
  const found = differencesOf(base, {
    ...base,
    providers: { ...base.providers, p: provider },
    admin: { token: "canary-admin-token" },
  });
  expect(found.map(([path]) => path).toSorted()).toEqual([
    "admin.token",
    "providers.p.credentials",
    "providers.p.credentials[0]",
    "providers.p.credentials[1].key",
    "providers.p.credentials[1].weight",
    "providers.p.headers.x-key",
  ]);
  expect(found).toContainEqual(["providers.p.headers.x-key", "…same", "…same"]);
  expect(JSON.stringify(found)).not.toContain("canary");
});

test("an empty list or object and none are the same, but not among parameters, where they are sent", () => {
  expect(differencesOf(base, { ...base, providers: { ...base.providers, q: { type: "dummy", aliases: {} } } })).toEqual(
    [],
  );
  const parameters = { stop: [], extra: {} };
  expect(differencesOf(base, { ...base, parameters }).map(([path]) => path)).toEqual([
    "parameters.stop",
    "parameters.extra",
  ]);
});

test("for a log, providers and models that come and go are one place each, and no value is told", () => {
  const before = configOf(base);
  const after = configOf({
    server: { strict: true },
    providers: { p: { ...base.providers.p, retries: 5 }, r: { type: "dummy", retries: 1 } },
    models: { n: { targets: [{ provider: "r", model: "a" }] }, m: base.models.m },
  });
  const places = changedPlaces(configDifferences(before, after), { before, after });
  expect(places.toSorted()).toEqual([
    "models.n (new)",
    "providers.p.retries",
    "providers.q (gone)",
    "providers.r (new)",
    "server.strict",
  ]);
});

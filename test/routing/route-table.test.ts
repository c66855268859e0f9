import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import type { RequestFacts, Route, Stage } from "../../src/routing/route.ts";
import { thrownBy } from "../support/thrown-by.ts";
import { openaiCompatibleAt } from "./configured.ts";
import { createRig, facts, type Rig } from "./rig.ts";

const one = openaiCompatibleAt("http://one.test/v1");
const two = openaiCompatibleAt("http://two.test/v1", { acceptsAnyModel: true });
const off = openaiCompatibleAt("http://off.test/v1", { enabled: false });
const openrouter = { type: "openrouter", credentials: ["k"], acceptsAnyModel: true };

function targetsOf({ targets }: Stage): string[] {
  return targets.map(({ upstream, model }) => `${upstream.name}:${model}`);
}

function summaryOf({ modelShown, first }: Route): unknown[] {
  return [modelShown, ...targetsOf(first)];
}

function resolved({ table }: Rig, asked: string | undefined, about: RequestFacts = facts()): unknown[] {
  return summaryOf(table.resolve(asked, about));
}

function fallbacksOf(route: Route, reason: "failed" | "content" | "context" = "failed"): string[] {
  return route.fallbacks(reason).map(({ model }) => model);
}

function refusalOf({ table }: Rig, model: string | undefined, about: RequestFacts = facts()): GatewayError {
  return thrownBy(() => table.resolve(model, about));
}

const to = (...targets: string[]): { targets: object[] } => ({
  targets: targets.map((target) => {
    const [provider, model] = target.split(":");
    return { provider, model };
  }),
});

describe("a model's route", () => {
  const models = { orcestator: to("one:m1"), smart: to("off:m0", "two:m2", "one:m1") };
  const rig = createRig({ providers: { one, two, off }, models });

  test("has the alias's targets in their order, without those of a provider that is off", () => {
    expect(resolved(rig, "smart")).toEqual(["smart", "two:m2", "one:m1"]);
  });

  test("of a request without a model is the default alias's", () => {
    expect(resolved(rig, undefined)).toEqual(["orcestator", "one:m1"]);
  });

  test("of any other name goes as asked to the provider that accepts any, and is shown as the default alias", () => {
    expect(resolved(rig, "vendor/x")).toEqual(["orcestator", "two:vendor/x"]);
    expect(resolved(rig, "Smart")).toEqual(["orcestator", "two:Smart"]);
  });

  test("without an alias of the default name is the first alias's, and other names are shown as asked", () => {
    const rig = createRig({ providers: { two, one }, models: { first: to("one:m"), second: to("one:n") } });
    expect(resolved(rig, undefined)).toEqual(["first", "one:m"]);
    expect(resolved(rig, "other")).toEqual(["other", "two:other"]);
  });

  test("of an alias that is named like a part of every object is the alias's", () => {
    const rig = createRig({ providers: { one }, models: { constructor: to("one:m") } });
    expect(resolved(rig, "constructor")).toEqual(["constructor", "one:m"]);
  });

  test("is the same object for the same name, and so are its targets' health and its stage", () => {
    const first = rig.table.resolve("smart", facts());
    expect(rig.table.resolve("smart", facts())).toBe(first);
    const open = rig.table.resolve("vendor/x", facts());
    expect(rig.table.resolve("vendor/x", facts()).first).toBe(open.first);
    const [target] = rig.stage("smart").targets;
    expect(target?.health).toBe(rig.health.targetOf("two", "http://two.test/v1", "m2"));
  });

  test("has the preferred targets first, and the settings that are configured", () => {
    const model = {
      targets: [
        { provider: "two", model: "x", weight: 3, price: { input: 1, output: 2 } },
        { provider: "one", model: "y", priority: 0 },
      ],
      strategy: "weighted",
      hedgeAfter: "2s",
      singleFlight: true,
      affinity: "prompt",
      rpm: 10,
    };
    const rig = createRig({
      providers: { one, two },
      models: { m: model, plain: to("one:z") },
      affinity: { by: "off" },
    });
    const { targets, ...settings } = rig.stage("m");
    expect(settings).toEqual({
      model: "m",
      strategy: "weighted",
      affinity: "prompt",
      hedgeAfterMs: 2000,
      singleFlight: true,
      scope: { kind: "model", id: "m", limits: { rpm: 10, tpm: undefined, concurrency: undefined } },
    });
    expect(targets.map(({ model, weight, priority, price }) => [model, weight, priority, price])).toEqual([
      ["y", 1, 0, undefined],
      ["x", 3, 1, { input: 1, output: 2 }],
    ]);
    expect(rig.stage("plain")).toMatchObject({ strategy: "priority", affinity: "off", scope: undefined });
  });

  test("has the parameters of all levels together, and none where none are set", () => {
    const provider = openaiCompatibleAt("http://p.test/v1", { parameters: { temperature: 0.2 }, remove: ["user"] });
    const target = { provider: "p", model: "x", overrides: { seed: 1 } };
    const rig = createRig({
      providers: { p: provider },
      parameters: { temperature: 0.1, top_p: 0.5 },
      models: { m: { targets: [target], parameters: { temperature: 0.3 } }, other: to("p:y") },
    });
    expect(rig.stage("m").targets[0]?.parameters).toEqual({
      defaults: { temperature: 0.3, top_p: 0.5 },
      overrides: { seed: 1 },
      remove: ["user"],
    });
    expect(rig.stage("other").targets[0]?.parameters?.defaults).toEqual({ temperature: 0.2, top_p: 0.5 });
    expect(
      createRig({ providers: { one }, models: { m: to("one:m") } }).stage("m").targets[0]?.parameters,
    ).toBeUndefined();
  });
});

describe("an unknown model is a 404 that names it", () => {
  const rig = createRig({ providers: { one, off }, models: { gone: to("off:m"), "smart-model": to("one:m") } });

  test.each(["gone", "other", "", "__proto__", "constructor", "toString", "one/m", "off/m", "/", "one/"])(
    "%p",
    (model) => {
      const error = refusalOf(rig, model);
      expect({ code: error.code, status: error.status, param: error.param }).toEqual({
        code: "model_not_found",
        status: 404,
        param: "model",
      });
      expect(error.message).toContain(`'${model}'`);
    },
  );

  test("undefined, where there is no alias at all", () => {
    expect(refusalOf(createRig({ providers: { one } }), undefined).status).toBe(404);
  });

  test("cut to a length that fits a log, and without much ado", () => {
    const started = performance.now();
    expect(refusalOf(rig, "x".repeat(100_000)).message.length).toBeLessThan(400);
    expect(performance.now() - started).toBeLessThan(50);
  });

  test("with the name that was meant, where one is near", () => {
    expect(refusalOf(rig, "smart_modle").message).toBe(
      "The model 'smart_modle' is not served here; did you mean 'smart-model'? GET /v1/models lists the names that are.",
    );
    expect(refusalOf(rig, "elephant").message).toBe(
      "The model 'elephant' is not served here; GET /v1/models lists the names that are.",
    );
  });
});

describe("names that providers offer", () => {
  const rig = createRig({
    providers: {
      one: openaiCompatibleAt("http://one.test/v1", { models: ["shared", "alone", "own"], priority: 2 }),
      two: openaiCompatibleAt("http://two.test/v1", { models: "shared", aliases: { fast: "tiny-1", own: "x" } }),
      off: openaiCompatibleAt("http://off.test/v1", { models: ["shared", "nowhere"], enabled: false }),
      any: openaiCompatibleAt("http://any.test/v1", { models: ["gpt-*"], aliases: { "big-*": "large-*" } }),
    },
    models: { own: to("one:mine") },
  });

  test("go to all providers that offer them, by the providers' priority", () => {
    expect(resolved(rig, "shared")).toEqual(["shared", "two:shared", "one:shared"]);
    expect(resolved(rig, "alone")).toEqual(["alone", "one:alone"]);
    expect(resolved(rig, "fast")).toEqual(["fast", "two:tiny-1"]);
    expect(rig.stage("shared")).toMatchObject({ strategy: "priority", hedgeAfterMs: 0, scope: undefined });
  });

  test("are what `models` says where it says something", () => {
    expect(resolved(rig, "own")).toEqual(["own", "one:mine"]);
  });

  test("may have a star", () => {
    expect(resolved(rig, "gpt-9")).toEqual(["gpt-9", "any:gpt-9"]);
    expect(resolved(rig, "big-9")).toEqual(["big-9", "any:large-9"]);
    expect(resolved(rig, "any/big-9")).toEqual(["any/big-9", "any:large-9"]);
  });

  test("are aliases, without wildcards and without those of providers that are off", () => {
    expect([...rig.table.aliases.keys()]).toEqual(["own", "shared", "alone", "fast"]);
    expect(refusalOf(rig, "nowhere").status).toBe(404);
  });
});

describe("wildcards", () => {
  const models = {
    "claude-*": { ...to("one:anthropic/claude-*", "two:fixed"), rpm: 5, fallbacks: ["exact"] },
    "claude-*-latest": to("one:new-*"),
    exact: to("one:e"),
    "claude-exact": to("one:exact"),
    "*": to("two:*"),
  };
  const rig = createRig({ providers: { one, two }, models });

  test("put what they matched into the names of their targets, the longest literal text first, exact names before all", () => {
    expect(resolved(rig, "claude-x")).toEqual(["claude-x", "one:anthropic/claude-x", "two:fixed"]);
    expect(resolved(rig, "claude-3-latest")).toEqual(["claude-3-latest", "one:new-3"]);
    expect(resolved(rig, "claude-exact")).toEqual(["claude-exact", "one:exact"]);
    expect(resolved(rig, "anything/else")).toEqual(["anything/else", "two:anything/else"]);
    expect(resolved(rig, "claude-$&-$1")).toEqual(["claude-$&-$1", "one:anthropic/claude-$&-$1", "two:fixed"]);
  });

  test("share the limits of the wildcard, and have its fallbacks", () => {
    const route = rig.table.resolve("claude-x", facts());
    expect(route.first.scope).toMatchObject({ id: "claude-*", limits: { rpm: 5 } });
    expect(rig.table.resolve("claude-y", facts()).first.scope).toBe(route.first.scope);
    expect(fallbacksOf(route)).toEqual(["exact"]);
  });

  test("are no aliases and leave nothing of themselves in the health of providers", () => {
    expect([...rig.table.aliases.keys()]).toEqual(["exact", "claude-exact"]);
    const models = rig.health.views().flatMap(({ targets }) => targets.map(({ model }) => model));
    expect(models.filter((model) => model === "anthropic/claude-*")).toEqual([]);
  });

  test("ask no upstream for a model without a name", () => {
    const rig = createRig({ providers: { one }, models: { "x*": to("one:*") } });
    expect(resolved(rig, "xy")).toEqual(["xy", "one:y"]);
    expect(refusalOf(rig, "x").status).toBe(404);
  });

  test("make stages that last, in bounded numbers", () => {
    const stage = rig.table.resolve("claude-x", facts()).first;
    expect(rig.table.resolve("claude-x", facts()).first).toBe(stage);
    for (let count = 0; count < 5000; count += 1) rig.table.resolve(`claude-${count}`, facts());
    const again = rig.table.resolve("claude-x", facts()).first;
    expect(again).not.toBe(stage);
    const known = rig.health.targetOf("one", "http://one.test/v1", "anthropic/claude-x");
    expect(again.targets[0]?.health).toBe(known);
  });
});

describe("provider/model", () => {
  const rig = createRig({
    providers: {
      one: openaiCompatibleAt("http://one.test/v1", { models: ["m1"], aliases: { fast: "m2" } }),
      two,
      local: openaiCompatibleAt("http://local.test/v1"),
    },
    models: { "one/special": to("two:s") },
  });

  test("goes to that provider where it takes any name, or offers or lists this one", () => {
    expect(resolved(rig, "two/vendor/x")).toEqual(["two/vendor/x", "two:vendor/x"]);
    expect(resolved(rig, "one/m1")).toEqual(["one/m1", "one:m1"]);
    expect(resolved(rig, "one/fast")).toEqual(["one/fast", "one:m2"]);
    rig.listed = { local: { llama: {}, "local/odd": {} } };
    expect(resolved(rig, "local/llama")).toEqual(["local/llama", "local:llama"]);
    expect(resolved(rig, "local/odd")).toEqual(["local/odd", "local:local/odd"]);
    rig.listed = {};
  });

  test("is the alias of this name where there is one", () => {
    expect(resolved(rig, "one/special")).toEqual(["one/special", "two:s"]);
  });

  test("is a name like others where the provider does not serve it", () => {
    expect(resolved(rig, "one/secret")).toEqual(["one/secret", "two:one/secret"]);
    const closed = createRig({ providers: { one, local: openaiCompatibleAt("http://local.test/v1") } });
    expect(refusalOf(closed, "one/secret").status).toBe(404);
  });

  test("learns what a provider lists only later", () => {
    expect(resolved(rig, "local/late")).toEqual(["local/late", "two:local/late"]);
    rig.listed = { local: { late: {} } };
    expect(resolved(rig, "local/late")).toEqual(["local/late", "local:late"]);
    rig.listed = {};
    expect(resolved(rig, "local/late")).toEqual(["local/late", "two:local/late"]);
  });
});

describe("a start with nothing but OpenRouter's key", () => {
  const rig = createRig({ providers: { openrouter }, models: { orcestator: to("openrouter:openai/gpt-4o") } });

  test("sends every name to OpenRouter as it is asked", () => {
    for (const name of ["openai/gpt-4o", "gpt-4o", "anthropic/claude:beta", "openrouter/auto", "a/b/c"])
      expect(resolved(rig, name)).toEqual(["orcestator", `openrouter:${name}`]);
    expect(resolved(rig, "orcestator")).toEqual(["orcestator", "openrouter:openai/gpt-4o"]);
  });

  test("takes its own name before that of a model", () => {
    expect(resolved(rig, "openrouter/openai/gpt-4o")[1]).toBe("openrouter:openai/gpt-4o");
  });
});

describe("fallbacks", () => {
  const rig = createRig({
    providers: { one, openrouter },
    models: {
      a: {
        ...to("one:a"),
        fallbacks: ["b", "a", "wild-1", "b"],
        contentPolicyFallbacks: ["c"],
        contextWindowFallbacks: ["d"],
      },
      b: { ...to("one:b"), fallbacks: ["d"] },
      c: to("one:c"),
      d: to("one:d"),
      "wild-*": to("one:w-*"),
    },
  });

  test("are those of the reason, in their order, never one twice and never the model itself", () => {
    const route = rig.table.resolve("a", facts());
    expect(fallbacksOf(route)).toEqual(["b", "wild-1"]);
    expect(fallbacksOf(route, "content")).toEqual(["c"]);
    expect(fallbacksOf(route, "context")).toEqual(["d"]);
    expect(route.fallbacks("failed")[0]).toBe(rig.stage("b"));
    expect(fallbacksOf(rig.table.resolve("c", facts()))).toEqual([]);
  });

  test("begin with the models that the client names", () => {
    const route = rig.table.resolve("a", facts({ body: { models: ["d", "b", "a", "d"] } }));
    expect(summaryOf(route)).toEqual(["a", "one:a"]);
    expect([fallbacksOf(route), fallbacksOf(route, "content"), route.keepsModels]).toEqual([
      ["d", "b", "wild-1"],
      ["c"],
      false,
    ]);
  });

  test("pass over names that nobody serves", () => {
    const rig = createRig({
      providers: { one },
      models: { a: { ...to("one:a"), fallbacks: ["gone"] }, b: to("one:b") },
    });
    expect(fallbacksOf(rig.table.resolve("a", facts()))).toEqual([]);
    expect(fallbacksOf(rig.table.resolve("a", facts({ body: { models: ["x", "b"] } })))).toEqual(["b"]);
    const route = rig.table.resolve("x", facts({ body: { models: ["y", "b"] } }));
    expect([summaryOf(route), route.routedBy]).toEqual([["b", "one:b"], "models"]);
    expect(refusalOf(rig, "x", facts({ body: { models: ["y"] } })).message).toContain("'x'");
  });
});

function listing(...models: string[]): RequestFacts {
  return facts({ body: { models } });
}

describe("OpenRouter's list of models", () => {
  const rig = createRig({ providers: { openrouter, one }, models: { orcestator: to("openrouter:openai/gpt-4o") } });

  test("stays in the request where OpenRouter gets all the names as they are", () => {
    const route = rig.table.resolve("openai/a", listing("openai/a", "x/b"));
    expect([summaryOf(route), route.keepsModels, fallbacksOf(route)]).toEqual([
      ["orcestator", "openrouter:openai/a"],
      true,
      [],
    ]);
    expect(route.keptModels.map(targetsOf)).toEqual([["openrouter:x/b"]]);
  });

  test("names the first model where the request names none", () => {
    const route = rig.table.resolve(undefined, listing("x/b", "x/c"));
    expect([summaryOf(route), route.keepsModels]).toEqual([["orcestator", "openrouter:x/b"], true]);
  });

  test("is gone through here where an alias is in it", () => {
    const route = rig.table.resolve("orcestator", listing("x/b"));
    expect([summaryOf(route), route.keepsModels, fallbacksOf(route)]).toEqual([
      ["orcestator", "openrouter:openai/gpt-4o"],
      false,
      ["x/b"],
    ]);
    expect(route.keptModels).toEqual([]);
    expect(rig.table.resolve("x/b", listing("orcestator")).keepsModels).toBe(false);
    const many = Array.from({ length: 9 }, (_, index) => `x/${index}`);
    expect(rig.table.resolve("x/b", listing(...many)).keepsModels).toBe(false);
  });

  test("is gone through here for upstreams of other types", () => {
    const rig = createRig({ providers: { two } });
    const route = rig.table.resolve("a", listing("b"));
    expect([summaryOf(route), route.keepsModels, fallbacksOf(route)]).toEqual([["a", "two:a"], false, ["b"]]);
  });

  test("is nothing where it is no list of names", () => {
    for (const models of [[], "x", [1, null, ""], {}])
      expect(rig.table.resolve("openai/a", facts({ body: { models } })).keepsModels).toBe(false);
  });
});

describe("rules", () => {
  const rig = createRig({
    providers: { one, openrouter },
    models: { smart: { ...to("one:s"), fallbacks: ["plain"] }, plain: to("one:p") },
    routes: [
      { when: { task: "code", model: "plain" }, use: "smart" },
      { when: { model: "old-*" }, use: "x/new" },
      { when: { model: "smart", keys: "loop" }, use: "plain" },
      { when: { keys: "loop" }, use: "smart" },
    ],
  });
  const code = { headers: { "x-orch-task-kind": "code" } };

  test("put another model in the place of the one asked for, and say so", () => {
    const route = rig.table.resolve("plain", facts(code));
    expect([summaryOf(route), route.routedBy]).toEqual([["smart", "one:s"], "routes[0]"]);
    expect(fallbacksOf(route)).toEqual(["plain"]);
    expect(resolved(rig, "old-1")).toEqual(["x/new", "openrouter:x/new"]);
    expect(rig.table.resolve("plain", facts()).routedBy).toBeUndefined();
  });

  test("do not apply to what a rule has chosen", () => {
    expect(resolved(rig, "plain", facts({ keyId: "loop" }))).toEqual(["smart", "one:s"]);
    expect(resolved(rig, "smart", facts({ keyId: "loop" }))).toEqual(["plain", "one:p"]);
  });

  test("take the place of the first of a list of models, which is then gone through here", () => {
    const route = rig.table.resolve("old-1", facts({ body: { models: ["old-1", "x/b"] } }));
    expect([summaryOf(route), route.keepsModels, fallbacksOf(route)]).toEqual([
      ["x/new", "openrouter:x/new"],
      false,
      ["x/b"],
    ]);
  });

  test("see the default model's name where a request has none", () => {
    const rig = createRig({
      providers: { one },
      models: { orcestator: to("one:o"), other: to("one:x") },
      routes: [{ when: { model: "orcestator" }, use: "other" }],
    });
    expect(resolved(rig, undefined)).toEqual(["other", "one:x"]);
  });
});

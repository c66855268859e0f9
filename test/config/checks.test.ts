import { describe, expect, test } from "bun:test";
import { configFolder } from "./folder.ts";

const providers = `
providers:
  groq: {type: groq, credentials: [abc], models: [llama-70b, "qwen-3"], aliases: {big: llama-405b}}
  local: {type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1"}
`;

/** Places and messages of everything wrong with a file of these providers and `text`. */
function problemsOf(text: string): Record<string, string> {
  using folder = configFolder({ "orcestator.yaml": providers + text });
  return Object.fromEntries(folder.fail().problems.map(({ path, message }) => [path, message]));
}

function warningsOf(text: string, base = providers): readonly string[] {
  using folder = configFolder({ "orcestator.yaml": base + text });
  return folder.load().warnings;
}

test("a fallback that stands twice in one list is told, and one in two lists is not", () => {
  const found = warningsOf(`
models:
  fast: {targets: [{provider: local, model: m}]}
  smart: {targets: [{provider: local, model: m}], fallbacks: [fast, big, fast, fast], contentPolicyFallbacks: [big]}
`);
  expect(found).toEqual([
    "the model 'smart' names 'fast' twice in fallbacks; a model is tried once for a request, remove one of the two",
  ]);
});

test("a number that should be whole is not told to be no number", () => {
  const found = problemsOf("models: {m: {targets: [{provider: local, model: x, priority: 1.5}]}}\n");
  expect(found).toEqual({ "models.m.targets[0].priority": "must be a whole number" });
});

describe("a name that is used must be there", () => {
  test.each([
    ["fallbacks: [fats]", "models.smart.fallbacks[0]", "did you mean 'fast'?"],
    ["contentPolicyFallbacks: [fast, lama-70b]", "models.smart.contentPolicyFallbacks[1]", "did you mean 'llama-70b'?"],
    ["contextWindowFallbacks: [bigg]", "models.smart.contextWindowFallbacks[0]", "did you mean 'big'?"],
    ["fallbacks: [anything-else]", "models.smart.fallbacks[0]", "declare it under models, or list it"],
    ["fallbacks: ['claude-*']", "models.smart.fallbacks[0]", "must be the name of one model"],
  ])("%s", (list, path, expected) => {
    const target = "targets: [{provider: local, model: m}]";
    const found = problemsOf(`
models:
  fast: {${target}}
  "claude-*": {targets: [{provider: local, model: "*"}]}
  smart: {${target}, ${list}}
`);
    expect(Object.keys(found)).toEqual([path]);
    expect(found[path]).toContain(expected);
  });

  test("in targets and routes too", () => {
    const found = problemsOf(`
models: {m: {targets: [{provider: grok, model: x}, {provider: nobody-like-it, model: x}]}}
routes: [{when: {task: code}, use: m}, {when: {task: chat}, use: qwen3}]
`);
    expect(found).toEqual({
      "models.m.targets[0].provider": "there is no provider 'grok' under providers; did you mean 'groq'?",
      "models.m.targets[1].provider": "there is no provider 'nobody-like-it' under providers; declared: groq, local",
      "routes[1].use": "there is no model 'qwen3'; did you mean 'qwen-3'?",
    });
  });

  test("declared models, wildcards, and models and aliases of providers are there", () => {
    const names = "[fast, claude-9, llama-70b, big, groq/whatever, glm-5, g-6]";
    const text = `
models:
  fast: {targets: [{provider: local, model: m}]}
  "claude-*": {targets: [{provider: local, model: "anthropic/*"}]}
  smart: {targets: [{provider: local, model: m}], fallbacks: ${names}, contentPolicyFallbacks: ${names}}
routes: [{when: {task: code}, use: claude-}]
`;
    const base = providers.replace('"qwen-3"', '"qwen-3", "glm-*"').replace("{big:", "{'g-*': 'x/*', big:");
    expect(warningsOf(text, base)).toEqual([]);
  });

  test("any name is, where a provider takes any", () => {
    const open = 'providers: {o: {type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1", acceptsAnyModel: yes}}\n';
    expect(warningsOf("models: {m: {targets: [{provider: o, model: x}], fallbacks: [whatever]}}", open)).toEqual([]);
  });

  test("what a part with a mistake of its own declares is not called unknown", () => {
    using folder = configFolder({
      "orcestator.yaml": `
providers:
  broken: {type: groq, credentials: [abc], models: "one, two", aliases: {three: x}, retires: 3}
  local: {type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1"}
models:
  wrong: {targets: [{provider: local, model: m}], strateg: random}
  smart: {targets: [{provider: local, model: m}], fallbacks: [one, two, three, wrong]}
`,
    });
    expect(folder.fail().problems.map(({ path }) => path)).toEqual([
      "providers.broken.retires",
      "models.wrong.strateg",
    ]);
  });

  test("a cycle of fallbacks is fine, naming oneself is a warning", () => {
    const target = "targets: [{provider: local, model: m}]";
    expect(warningsOf(`models: {a: {${target}, fallbacks: [b]}, b: {${target}, fallbacks: [a]}}`)).toEqual([]);
    expect(warningsOf(`models: {a: {${target}, contentPolicyFallbacks: [a]}}`)).toEqual([
      "the model 'a' names itself in contentPolicyFallbacks; a model is tried once for a request, remove it there",
    ]);
  });
});

test("a * stands at one place, and in a target only where the model's name has one", () => {
  const found = problemsOf(`
models:
  "a-*-*": {targets: [{provider: local, model: m}]}
  "b-*": {targets: [{provider: local, model: "*-*"}, {provider: local, model: "x/*"}, {provider: local, model: whole}]}
  plain: {targets: [{provider: local, model: "x-*"}]}
`);
  expect(Object.keys(found)).toEqual([
    'models["a-*-*"]',
    'models["b-*"].targets[0].model',
    "models.plain.targets[0].model",
  ]);
  expect(found["models.plain.targets[0].model"]).toContain("the model's name 'plain' has none");
});

test("the same holds for the names of a provider itself", () => {
  using folder = configFolder({
    "orcestator.yaml":
      "providers: {p: {type: groq, credentials: [abc], models: [a-*, '*-*'], aliases: {'b-*': 'c/*', d: 'e-*', 'f-*-*': g}}}",
  });
  expect(folder.fail().problems.map(({ path }) => path)).toEqual([
    "providers.p.models[1]",
    "providers.p.aliases.d",
    'providers.p.aliases["f-*-*"]',
  ]);
});

describe("parameters", () => {
  test("may not name the request itself, at no level and not behind a dot", () => {
    const found = problemsOf(`
parameters: {model: x, temperature: 1}
overrides: {stream: false}
remove: [user, messages]
models:
  m:
    parameters: {input.0: x, my_input: 1}
    targets: [{provider: local, model: x, overrides: {contents: [], reasoning.effort: low}, remove: "stop,model"}]
`);
    expect(Object.keys(found)).toEqual([
      "parameters.model",
      "overrides.stream",
      "remove[1]",
      'models.m.parameters["input.0"]',
      "models.m.targets[0].overrides.contents",
      "models.m.targets[0].remove[1]",
    ]);
    expect(found["remove[1]"]).toContain("'messages' is the request itself");
  });

  test("have names that lead somewhere", () => {
    const found = problemsOf("overrides: {a.__proto__.b: 1, a..b: 1, .a: 1, a.: 1, a.b: 1}\n");
    expect(found).toEqual({
      'overrides["a.__proto__.b"]': "this name is not allowed",
      'overrides["a..b"]': "has a dot too many; a dot leads into an object, e.g. reasoning.effort",
      'overrides[".a"]': "has a dot too many; a dot leads into an object, e.g. reasoning.effort",
      'overrides["a."]': "has a dot too many; a dot leads into an object, e.g. reasoning.effort",
    });
  });

  test("of a provider are checked too, and their values may be anything", () => {
    const base = 'providers: {p: {type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1", ';
    using bad = configFolder({ "orcestator.yaml": `${base}remove: [model]}}` });
    expect(bad.fail().problems).toMatchObject([{ path: "providers.p.remove[0]" }]);
    using good = configFolder({
      "orcestator.yaml": `${base}parameters: {temperature: 0.2, stop: [a], response_format: {type: json_object, x: null}}}}`,
    });
    expect(good.load().config.providers["p"]?.parameters).toEqual({
      temperature: 0.2,
      stop: ["a"],
      response_format: { type: "json_object" },
    });
  });
});

describe("what is allowed and can hardly be meant is a warning", () => {
  test("weights that are all 0", () => {
    const text =
      "models: {m: {strategy: weighted, targets: [{provider: local, model: a, weight: 0}, {provider: groq, model: b, weight: 0}]}}";
    expect(warningsOf(text).join()).toContain("all targets of the model 'm' have weight 0");
    expect(warningsOf(text.replace("0}]", "1}]"))).toEqual([]);
  });

  test("a second target asked after a while where there is none", () => {
    const models = `
models:
  one: {targets: [{provider: local, model: a}], hedgeAfter: 2s}
  two: {targets: [{provider: local, model: a}, {provider: local, model: b}], hedgeAfter: 2s}
  none: {targets: [{provider: local, model: a}]}
`;
    expect(warningsOf(models)).toEqual([expect.stringContaining("the model 'one' has one target only")]);
  });

  test("circuits that stay open for longer than they may, or open at the first error", () => {
    expect(warningsOf("health: {cooldown: 2h, retryAfter: 10s}")).toEqual([
      expect.stringContaining("health.cooldown (2h) is more than health.retryAfter (10s)"),
    ]);
    expect(warningsOf("health: {cooldown: 10s, retryAfter: 10s, errorRate: 1}")).toEqual([]);
    expect(warningsOf("health: {errorRate: 0}")).toEqual([expect.stringContaining("one failed request of 10 opens")]);
  });

  test("the cheapest of targets without a price", () => {
    const text =
      "models: {m: {strategy: cheapest, targets: [{provider: local, model: a}, {provider: local, model: b}]}}";
    expect(warningsOf(text).join()).toContain("no price of its targets is known");
    expect(warningsOf(text.replace("b}", "b, price: {input: 1, output: 2}}"))).toEqual([]);
    expect(warningsOf(`${text}\nprices: {models: {"local/*": {input: 1, output: 2}}}`)).toEqual([]);
    const openrouter = "providers: {o: {type: openrouter, credentials: [abc]}}\n";
    const cheapest = "models: {m: {strategy: cheapest, targets: [{provider: o, model: a}]}}";
    expect(warningsOf(cheapest, openrouter)).toEqual([]);
  });

  test("routes behind one that takes everything, and one that fits nothing", () => {
    const model = "models: {m: {targets: [{provider: local, model: a}]}}\n";
    expect(
      warningsOf(
        `${model}routes: [{when: {task: a}, use: m}, {when: {model: "*"}, use: m}, {when: {task: b}, use: m}]`,
      ),
    ).toEqual(["routes[2] is never reached: routes[1] has no conditions and takes all requests; put it behind"]);
    expect(warningsOf(`${model}routes: [{when: {headers: {x: a}}, use: m}, {when: {}, use: m}]`)).toEqual([]);
    expect(warningsOf(`${model}routes: [{when: {minTokens: 10, maxTokens: 9}, use: m}]`)).toEqual([
      "routes[0] fits no request: minTokens (10) is more than maxTokens (9)",
    ]);
  });

  test("a name that both models and a provider declare", () => {
    expect(
      warningsOf(
        "models: {llama-70b: {targets: [{provider: local, model: a}]}, big: {targets: [{provider: local, model: a}]}}",
      ),
    ).toEqual([
      "providers.groq.models names 'llama-70b', which models declares itself; models wins",
      "providers.groq.aliases names 'big', which models declares itself; models wins",
    ]);
  });

  test("an API key written twice, counted as the file does and not shown", () => {
    const base =
      "providers: {g: {type: groq, credentials: [{key: other-canary, enabled: false}, canary-1234, '', {key: canary-1234, weight: 2}]}}\n";
    const warnings = warningsOf("", base);
    expect(warnings).toEqual([
      "providers.g.credentials[3]: this is the same API key as credentials[1]; it is used as if it were two, remove one",
    ]);
  });
});

function groqWith(credential: string): string {
  return `providers: {g: {type: groq, credentials: [abc, ${credential}]}}`;
}

describe("credentials as objects", () => {
  test("keep their weight and limits, and those that are switched off are not used", () => {
    using folder = configFolder({
      "orcestator.yaml": `
providers:
  g:
    type: groq
    credentials:
      - {key: first-key, enabled: "off"}
      - " second-key "
      - {key: "\${THIRD}", weight: "2.5", rpm: 10, tpm: "1000", concurrency: 3}
`,
    });
    const { config, origins } = folder.load({ env: { THIRD: "third-key" } });
    expect(config.providers["g"]?.credentials).toEqual([
      { key: "second-key", weight: 1, enabled: true },
      { key: "third-key", weight: 2.5, enabled: true, rpm: 10, tpm: 1000, concurrency: 3 },
    ]);
    expect(origins.get("providers.g.credentials[0]")).toBe("file orcestator.yaml");
    expect(origins.get("providers.g.credentials[1].weight")).toBe("file orcestator.yaml");
  });

  test.each([
    ["{kye: abc}", "providers.g.credentials[0].key", "is missing; it must be text"],
    ["{key: abc, wieght: 2}", "providers.g.credentials[0].wieght", "unknown key; did you mean 'weight'?"],
    ["{key: abc, weight: -1}", "providers.g.credentials[0].weight", "must be at least 0"],
    ["{key: abc, rpm: 0}", "providers.g.credentials[0].rpm", "must be at least 1"],
    ["{key: 5}", "providers.g.credentials[0].key", "must be text; put it in quotes"],
    ["{key: ключ}", "providers.g.credentials[0].key", "must be one line of Latin letters"],
    ["{key: sk-...}", "providers.g.credentials[0]", "put your own API key in its place"],
    ["[abc]", "providers.g.credentials[0]", "must be text, not a list, or must be an object with keys, not a list"],
  ])("%s is refused at its place", (credential, path, expected) => {
    using folder = configFolder({
      "orcestator.yaml": `providers: {g: {type: groq, credentials: [${credential}]}}\nmodels: {}\n`,
    });
    const problem = folder.fail().problems.find((candidate) => candidate.path === path);
    expect(problem?.message).toContain(expected);
  });

  test("a missing variable is a missing credential for a key, a mistake for a limit, and nothing where it is off", () => {
    using key = configFolder({ "orcestator.yaml": groqWith('{key: "${NOT_SET}"}') });
    expect(key.fail().problems).toMatchObject([{ kind: "missing-credential", path: "providers.g.credentials[1].key" }]);
    using limit = configFolder({ "orcestator.yaml": groqWith('{key: a, rpm: "${NOT_SET}"}') });
    expect(limit.fail().problems).toMatchObject([{ kind: "invalid", path: "providers.g.credentials[1].rpm" }]);
    using off = configFolder({ "orcestator.yaml": groqWith('{key: "${NOT_SET}", enabled: false}') });
    expect(off.load().config.providers["g"]?.credentials).toHaveLength(1);
  });
});

test("a single missing credential is named with its provider", () => {
  using folder = configFolder({ "orcestator.yaml": "providers: {gpt: {type: openai}}" });
  expect(folder.fail().message).toContain("providers.gpt.credentials (file orcestator.yaml): no API key");
});

function priceListOf(name: string, more = ""): string {
  return `providers: {d: {type: dummy}}\nprices: {providers: {d: ${name}}${more}}`;
}

function priceListWarnings(name: string, more?: string): readonly string[] {
  using folder = configFolder({ "orcestator.yaml": priceListOf(name, more) });
  return folder.load().warnings;
}

describe("a price list that the price table does not have", () => {
  test.each([
    ["openay", "the price table has no prices of 'openay'; did you mean 'openai'?"],
    ["xai", "did you mean 'x-ai'?"],
    ["gemini", "the price table has no prices of 'gemini'; it has anthropic, "],
  ])("%s, is an error", (name, message) => {
    using folder = configFolder({ "orcestator.yaml": priceListOf(name) });
    const [problem, ...others] = folder.fail().problems;
    expect([problem?.path, problem?.message, others]).toEqual([
      "prices.providers.d",
      expect.stringContaining(message),
      [],
    ]);
  });

  test("is a warning where a newer table is fetched, and none where it is known", () => {
    const refresh = ', refresh: "https://prices.example/data.json"';
    expect(priceListWarnings("openay", refresh)).toEqual([
      "prices.providers.d: the price table has no prices of 'openay'; did you mean 'openai'?",
    ]);
    expect(priceListWarnings("x-ai")).toEqual([]);
  });
});

function pricesIn(text: string): readonly string[] {
  return warningsOf(`models: {}\nprices: ${text}`).filter((warning) => warning.startsWith("prices"));
}

test("prices of a provider that is not there are a warning, and a price without a provider says how to name one", () => {
  const price = "{input: 1, output: 2}";
  const [first = "", second = "", ...others] = pricesIn(`{providers: {zz: openai}, models: {zz/m1: ${price}}}`);
  expect(others).toEqual([]);
  expect(first).toContain("counts for nothing: there is no provider 'zz' under providers");
  expect(second).toContain("prices.providers.zz counts for nothing");
  const [known = ""] = Object.keys((Bun.YAML.parse(providers) as { providers: object }).providers);
  expect(pricesIn(`{providers: {${known}: openai}, models: {"${known}/m1": ${price}, "*/m1": ${price}}}`)).toEqual([]);
  expect(() => pricesIn(`{models: {m1: ${price}}}`)).toThrow("write provider/model");
});

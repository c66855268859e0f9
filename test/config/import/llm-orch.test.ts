import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Converted } from "../../../src/config/import/findings.ts";
import { convertLlmOrch, type LlmOrchContext } from "../../../src/config/import/llm-orch.ts";
import { loaded, refusal, targetsOf } from "./converted.ts";

const fixtures = join(import.meta.dir, "../../fixtures/import/llm-orch");
const origins = { providersOrigin: "file providers.toml", routerOrigin: "file router.yaml" } as const;

function convert(providers: unknown, router: unknown, more: Partial<LlmOrchContext> = {}): Converted {
  return convertLlmOrch({ providers, router }, { ...origins, ...more });
}

const sampleProviders: unknown = Bun.TOML.parse(readFileSync(join(fixtures, "providers.toml"), "utf8"));
const sampleRouter: unknown = Bun.YAML.parse(readFileSync(join(fixtures, "router.yaml"), "utf8"));

const dummy = { type: "dummy", model: "dummy", base_url: "" };
const oneRoute = { routes: { DEFAULT: { primary: "a" } } };

describe("the sample configuration", () => {
  const converted = convert(sampleProviders, sampleRouter);
  const { config, warnings } = loaded(converted);

  test("is accepted without a warning, and nothing is lost", () => {
    expect(warnings).toEqual([]);
    expect(converted.notes).toEqual([]);
  });

  test("the task in the header decides, whatever model is asked for", () => {
    const task = (name: string): string[] => targetsOf(config, "any-model", { "x-orch-task-kind": name });
    expect(task("PLAN")).toEqual(["frontier_primary/gpt-4.1-mini", "frontier_backup/claude-3-5-sonnet-20241022"]);
    expect(task("CODE")).toEqual([
      "hosted_fast/llama-3.1-8b-instruct",
      "local_7b/qwen2.5:7b-instruct-q4_K_M",
      "frontier_primary/gpt-4.1-mini",
    ]);
    expect(task("BULK")[0]).toBe("local_7b/qwen2.5:7b-instruct-q4_K_M");
    expect(targetsOf(config, "gpt-4.1-mini", { "x-orch-task-kind": "BULK" })).toEqual(task("BULK"));
  });

  test("an unknown task, and a request without one, go to DEFAULT", () => {
    const usual = [
      "hosted_fast/llama-3.1-8b-instruct",
      "frontier_primary/gpt-4.1-mini",
      "local_7b/qwen2.5:7b-instruct-q4_K_M",
    ];
    expect(targetsOf(config, "gpt-4.1-mini", { "x-orch-task-kind": "POETRY" })).toEqual(usual);
    expect(targetsOf(config, "whatever-the-client-has")).toEqual(usual);
    expect(targetsOf(config, "DEFAULT")).toEqual(usual);
    expect(Object.keys(config.models)[0]).toBe("DEFAULT");
  });

  test("providers answer to their models' names and to their own", () => {
    expect(targetsOf(config, "gpt-4.1-mini")).toEqual(["frontier_primary/gpt-4.1-mini"]);
    expect(targetsOf(config, "local_7b")).toEqual(["local_7b/qwen2.5:7b-instruct-q4_K_M"]);
  });

  test("types, keys, limits and defaults are those of the two files", () => {
    expect(config.providers["frontier_primary"]).toMatchObject({
      type: "openai",
      baseUrl: "https://api.openai.com/v1",
      credentials: [{ key: "key-of-OPENAI_API_KEY" }],
      rpm: 120,
      tpm: 60_000,
      concurrency: 8,
      retries: 2,
      parameters: { temperature: 0.2, max_tokens: 2048 },
    });
    expect(config.providers["hosted_fast"]).toMatchObject({ type: "groq", baseUrl: "https://api.groq.com/openai/v1" });
    expect(config.providers["frontier_backup"]?.type).toBe("anthropic");
    expect(config.providers["local_7b"]).toMatchObject({ type: "ollama", credentials: [], concurrency: 4 });
    expect(JSON.stringify(converted.tree)).toContain('"${OPENAI_API_KEY}"');
  });
});

const providerOf = (table: Record<string, unknown>): Record<string, unknown> => {
  const { tree } = convert({ a: table }, oneRoute);
  return (tree["providers"] as Record<string, Record<string, unknown>>)["a"] ?? {};
};

describe("providers", () => {
  test("what is not written has llm-orch's defaults: type openai, 60 requests a minute, 4 at once", () => {
    expect(providerOf({ model: "m", auth_env: "KEY" })).toMatchObject({ type: "openai", rpm: 60, concurrency: 4 });
  });

  for (const [written, type, baseUrl] of [
    ["https://api.openai.com", "openai", undefined],
    ["https://api.openai.com/v1/", "openai", undefined],
    ["https://api.openai.com/v1/chat/completions", "openai", undefined],
    ["https://openrouter.ai/api", "openrouter", undefined],
    ["https://api.x.ai/v1", "xai", undefined],
    ["https://llm.example.com", "openai-compatible", "https://llm.example.com"],
    ["https://llm.example.com/gateway", "openai-compatible", "https://llm.example.com/gateway/v1"],
    ["https://llm.example.com/v2/chat", "openai-compatible", "https://llm.example.com/v2"],
    ["https://res.openai.azure.com/openai/v1", "azure", "https://res.openai.azure.com/openai/v1"],
    ["https://res.openai.azure.com", "azure", "https://res.openai.azure.com"],
  ] as const) {
    test(`type openai at ${written} is ${type}`, () => {
      const provider = providerOf({ base_url: written, model: "m", auth_env: "KEY" });
      expect([provider["type"], provider["baseUrl"]]).toEqual([type, baseUrl]);
    });
  }

  test("Anthropic and Ollama lose the version and the call in their base URLs", () => {
    const anthropic = { type: "anthropic", base_url: "https://proxy.example/v1/messages", model: "m", auth_env: "KEY" };
    expect(providerOf(anthropic)["baseUrl"]).toBe("https://proxy.example");
    expect(providerOf({ type: "ollama", base_url: "http://gpu:11434/api/chat", model: "m" })["baseUrl"]).toBe(
      "http://gpu:11434",
    );
  });

  test("one without a model of its own takes the client's, where no task names it", () => {
    const converted = convert(
      { a: { ...dummy, model: "" }, b: dummy },
      { routes: { DEFAULT: { primary: "a" }, PLAN: { primary: "b" } } },
    );
    const { config } = loaded(converted);
    expect(targetsOf(config, "made-up")).toEqual(["a/made-up"]);
    expect(targetsOf(config, "x", { "x-orch-task-kind": "PLAN" })).toEqual(["b/dummy"]);
    expect(converted.notes.join()).toContain("router.yaml: routes.DEFAULT.primary: this provider names no model");
  });

  test("one that needs a key and names no variable is switched off and told", () => {
    const converted = convert(
      { a: { type: "anthropic", model: "m" }, b: dummy },
      { routes: { DEFAULT: { primary: "a", fallback: "b" } } },
    );
    expect(loaded(converted).config.providers["a"]?.enabled).toBe(false);
    expect(converted.notes.join()).toContain("providers.toml: a: has no auth_env");
  });

  test("names that are none here are changed, each to another one", () => {
    const { tree } = convert({ "my gpu": dummy, "my-gpu": dummy, a: dummy }, oneRoute);
    expect(Object.keys(tree["providers"] as object)).toEqual(["my-gpu", "my-gpu-2", "a"]);
  });

  test("further keys are told, not lost in silence", () => {
    const { notes } = convert({ a: { ...dummy, burst: 3 } }, oneRoute);
    expect(notes).toEqual(["providers.toml: a.burst: there is no counterpart; left out"]);
  });
});

describe("routes", () => {
  const four = { a: { ...dummy, model: "ma" }, b: { ...dummy, model: "mb" }, c: { ...dummy, model: "mc" } };

  test("weights are shares of one priority", () => {
    const targets = [
      { provider: "a", weight: 3 },
      { provider: "b", weight: 1 },
    ];
    const { config } = loaded(convert(four, { routes: { DEFAULT: { targets } } }));
    const model = config.models["DEFAULT"];
    expect(model?.strategy).toBe("weighted");
    expect(model?.targets.map(({ weight, priority }) => [weight, priority])).toEqual([
      [3, undefined],
      [1, undefined],
    ]);
  });

  test("sticky routes keep sessions for their time", () => {
    const { config } = loaded(
      convert(four, { routes: { DEFAULT: { primary: "a", fallback: ["b"], sticky_ttl: 90 } } }),
    );
    expect(config.models["DEFAULT"]).toMatchObject({ affinity: "session", strategy: "priority" });
    expect(config.affinity.ttl).toBe(90_000);
  });

  test("circuit breakers become ours; where they differ, the lowest numbers count and it is told", () => {
    const targets = [
      { provider: "a", circuit_breaker: { failure_threshold: 2, recovery_time_s: 60 } },
      { provider: "b", circuit_breaker: {} },
    ];
    const converted = convert(four, { routes: { DEFAULT: { targets } } });
    expect(loaded(converted).config.health).toMatchObject({ maxErrors: 2, cooldown: 30_000 });
    expect(converted.notes.join()).toContain("circuit breakers differ");
  });

  test("another header and a default task are kept", () => {
    const router = {
      defaults: { task_header: "X-Kind", task_header_value: "PLAN", temperature: 0, max_tokens: 64 },
      routes: { PLAN: { primary: "a" }, DEFAULT: { primary: "b" }, CODE: { primary: "c" } },
    };
    const { config } = loaded(convert(four, router));
    expect(targetsOf(config, "any", { "x-kind": "CODE" })).toEqual(["c/mc"]);
    expect(targetsOf(config, "any", { "x-kind": "unknown" })).toEqual(["b/mb"]);
    expect(targetsOf(config, "any", { "x-orch-task-kind": "CODE" })).toEqual(["a/ma"]);
    expect(targetsOf(config, "any")).toEqual(["a/ma"]);
  });

  test("the defaults reach requests to real providers only, with what was written", () => {
    const providers = { a: { type: "ollama", model: "m" }, b: dummy };
    const { config } = loaded(
      convert(providers, { defaults: { temperature: 0.9 }, routes: { DEFAULT: { primary: "a" } } }),
    );
    expect(config.providers["a"]?.parameters).toEqual({ temperature: 0.9, max_tokens: 2048 });
    expect(config.providers["b"]?.parameters).toBeUndefined();
  });

  test("a fallback that is not there is left out and told, a primary is refused", () => {
    const converted = convert(four, { routes: { DEFAULT: { primary: "a", fallback: ["ghost", "a", "b"] } } });
    expect(targetsOf(loaded(converted).config, "x")).toEqual(["a/ma", "b/mb"]);
    expect(converted.notes.join()).toContain("routes.DEFAULT.fallback[0]: there is no such provider");
    const message = refusal(() => convert(four, { routes: { DEFAULT: { primary: "ghost" } } }));
    expect(message).toContain(
      "routes.DEFAULT.primary (file router.yaml): there is no provider 'ghost' in providers.toml; it has a, b, c",
    );
  });
});

test("all mistakes of both files are told at once, with their places", () => {
  const providers = {
    a: { type: "magic", base_url: "ftp://x", auth_env: "not a name", rpm: "many", concurrency: 0 },
    b: 3,
  };
  const router = {
    defaults: { max_tokens: 0 },
    routes: { PLAN: { strategy: "best", primary: "a" }, CODE: {}, "": null },
  };
  const message = refusal(() => convert(providers, router));
  for (const place of [
    "a.type (file providers.toml): must be openai, anthropic, ollama or dummy",
    "a.base_url (file providers.toml): must be an http:// or https:// URL",
    "a.rpm (file providers.toml): must be a number",
    "a.concurrency (file providers.toml): must be 1 or more",
    "b (file providers.toml): must be a table",
    "defaults.max_tokens (file router.yaml): must be a whole number from 1 on",
    "routes.PLAN.strategy (file router.yaml): must be one of priority, weighted, sticky",
    "routes.CODE (file router.yaml): must name a provider",
  ]) {
    expect(message).toContain(place);
  }
});

test("empty files say what they lack", () => {
  const message = refusal(() => convert(undefined, undefined));
  expect(message).toContain("file providers.toml: there are no providers");
  expect(message).toContain("file router.yaml: there are no routes");
});

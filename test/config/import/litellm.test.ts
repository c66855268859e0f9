import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Converted } from "../../../src/config/import/findings.ts";
import { convertLitellm } from "../../../src/config/import/litellm.ts";
import type { ResolvedProvider } from "../../../src/config/resolve.ts";
import { loaded, refusal, targetsOf } from "./converted.ts";

const sample = readFileSync(join(import.meta.dir, "../../fixtures/import/litellm.yaml"), "utf8");

function convert(source: unknown): Converted {
  return convertLitellm(source, { origin: "file config.yaml" });
}

/** One deployment of each of these `litellm_params`, all of the name `m`. */
function deployments(...params: readonly Record<string, unknown>[]): Record<string, unknown> {
  return { model_list: params.map((litellm_params) => ({ model_name: "m", litellm_params })) };
}

const master = { general_settings: { master_key: "os.environ/MASTER" } };

function only(params: Record<string, unknown>, more: Record<string, unknown> = {}): ResolvedProvider {
  const [provider] = Object.values(loaded(convert({ ...deployments(params), ...master, ...more })).config.providers);
  if (provider === undefined) throw new Error("no provider was made");
  return provider;
}

describe("a whole configuration", () => {
  const converted = convert(Bun.YAML.parse(sample));
  const { config, warnings } = loaded(converted);
  const notes = converted.notes.join("\n");

  test("is accepted without a warning", () => {
    expect(warnings).toEqual([]);
  });

  test("deployments of one name are targets of one model: weights, then the next order", () => {
    expect(config.models["gpt-4o"]).toMatchObject({
      strategy: "weighted",
      targets: [
        { provider: "azure-eu", model: "gpt-4o-eu", weight: 3, priority: 1 },
        { provider: "azure-ca", model: "gpt-4o-ca", weight: 1, priority: 1 },
        { provider: "openai-gpt-4o", model: "gpt-4o", weight: 1, priority: 2 },
      ],
    });
    expect(config.models["local"]?.strategy).toBe("random");
  });

  test("each access is a provider of its own, with the limits of its deployment", () => {
    expect(config.providers["azure-eu"]).toMatchObject({
      type: "azure",
      baseUrl: "https://my-endpoint-europe-992.openai.azure.com",
      apiVersion: "2024-10-21",
      credentials: [{ key: "key-of-AZURE_API_KEY_EU" }],
      rpm: 900,
      tpm: 120_000,
      retries: 3,
    });
    expect(config.providers["azure-ca"]).toMatchObject({ rpm: 100, concurrency: 8 });
    expect(config.providers["azure"]).toMatchObject({ baseUrl: "https://openai-france-1234.openai.azure.com" });
    expect(config.providers["openai-gpt-4o"]?.headers).toEqual({ "openai-organization": "org-ikDc4ex8NB" });
    expect(config.providers["ollama"]).toMatchObject({
      type: "ollama",
      baseUrl: "http://192.168.1.20:11434",
      credentials: [],
    });
    expect(config.providers["vllm"]).toMatchObject({ type: "vllm", credentials: [] });
    expect(config.providers["perplexity"]).toMatchObject({
      type: "openai-compatible",
      baseUrl: "https://api.perplexity.ai",
    });
  });

  test("parameters, prices and fields to drop stay with their deployment", () => {
    expect(config.models["gpt-4o-mini"]?.targets[0]).toMatchObject({
      parameters: { temperature: 0.2, max_tokens: 4096 },
      price: { input: 0.15, output: 0.6 },
    });
    expect(config.models["house"]?.targets[0]).toMatchObject({
      parameters: { guided_decoding: "on" },
      remove: ["user"],
    });
    expect(config.models["local"]?.targets[0]?.parameters).toEqual({ "options.num_ctx": 8192 });
  });

  test("wildcards hand on what their star stands for", () => {
    expect(targetsOf(config, "groq/llama-3.1-70b")).toEqual(["groq/llama-3.1-70b"]);
    expect(targetsOf(config, "anthropic/claude-3-opus")).toEqual(["anthropic-any/claude-3-opus"]);
  });

  test("fallbacks of all kinds are kept, also to a wildcard's model and to the id of one deployment", () => {
    expect(config.models["gpt-4o"]?.fallbacks).toEqual(["claude", "anthropic/claude-3-haiku-20240307"]);
    expect(config.models["house"]?.fallbacks).toEqual(["openai-direct"]);
    expect(targetsOf(config, "openai-direct")).toEqual(["openai-gpt-4o/gpt-4o"]);
    expect(config.models["gpt-4o-mini"]?.contextWindowFallbacks).toEqual(["gpt-4o"]);
    expect(config.models["claude"]?.contentPolicyFallbacks).toEqual(["gpt-4o"]);
    expect(config.models["sonar"]?.fallbacks).toEqual(["gpt-4o-mini"]);
    expect(notes).toContain("router_settings.fallbacks[0].gpt-4o[2]: there is no such model");
  });

  test("aliases are models of their own, with fallbacks of their own where they have some", () => {
    expect(targetsOf(config, "gpt-4")).toEqual(targetsOf(config, "gpt-4o"));
    expect(config.models["gpt-4"]?.fallbacks).toEqual(["local"]);
    expect(config.models["GPT-4o"]?.fallbacks).toEqual(["claude", "anthropic/claude-3-haiku-20240307"]);
  });

  test("timeouts limit waits and cut no stream off", () => {
    expect(config.providers["anthropic-claude"]).toMatchObject({
      retries: 1,
      timeouts: { firstByte: 20_000, idle: 20_000, total: 600_000 },
    });
    expect(config.providers["groq"]?.timeouts).toMatchObject({ firstByte: 600_000, progress: 600_000, total: 600_000 });
  });

  test("the settings of router, library and server find their places", () => {
    expect(config.health).toMatchObject({ probes: true, interval: 300_000, maxErrors: 4, cooldown: 30_000 });
    expect(config.keys.inbound).toEqual(["key-of-LITELLM_MASTER_KEY"]);
    expect(config.admin.token).toBe("key-of-LITELLM_MASTER_KEY");
    expect(config.limits.total.concurrency).toBe(200);
    expect(config.server.maxBodyBytes).toBe(20 * 1024 * 1024);
    expect(config.logging).toMatchObject({ level: "debug", content: "none" });
  });

  for (const [place, reason] of [
    ["model_list[3].litellm_params.extra_headers.Host", "this header cannot be set here"],
    ["model_list[4].litellm_params.timeout", "limits every wait in a stream here"],
    ["model_list[4].litellm_params.tags, general_settings.custom_auth, guardrails", "there is no counterpart"],
    ["model_list[5]", "AWS signs its requests"],
    ["model_list[6]", "Vertex AI wants short-lived Google tokens"],
    ["model_list[7].litellm_params.azure_ad_token", "tokens of Entra ID are not fetched here"],
    ["model_list[10].litellm_params.api_key", "the API key is written out"],
    ["model_list[14]", "a name may hold one * here"],
    ["model_list[15]", "'*' lets LiteLLM find the provider by itself"],
    ["router_settings.redis_host, router_settings.redis_password", "LiteLLM's own keys in Redis are not carried over"],
    ["litellm_settings.success_callback, litellm_settings.failure_callback", "nothing is sent to other systems"],
    ["litellm_settings.cache, litellm_settings.cache_params", "answers are not cached yet"],
    ["litellm_settings.max_budget", "there are no budgets yet"],
    ["general_settings.database_url", "virtual keys, teams and budgets are in LiteLLM's database"],
    ["general_settings.alerting", "there are no alerts yet"],
    ["environment_variables", "put these variables into .env: LANGFUSE_SECRET"],
  ] as const) {
    test(`what is not carried is told: ${place}`, () => {
      expect(notes).toContain(`${place}: ${reason}`);
    });
  }

  test("what is carried is not told", () => {
    expect(converted.notes).toHaveLength(20);
  });

  test("notes hold no secret, and the result only the key that a provider needs", () => {
    expect(notes).not.toContain("canary");
    expect(JSON.stringify(converted.tree).match(/[\w-]*canary[\w-]*/g)).toEqual(["sk-literal-canary-0123456789"]);
  });
});

describe("who serves a model", () => {
  for (const [model, type, upstream] of [
    ["openai/gpt-4o", "openai", "gpt-4o"],
    ["gpt-4o", "openai", "gpt-4o"],
    ["claude-3-opus-20240229", "anthropic", "claude-3-opus-20240229"],
    ["gemini/gemini-1.5-pro", "gemini", "gemini-1.5-pro"],
    ["openrouter/anthropic/claude-3.5-sonnet", "openrouter", "anthropic/claude-3.5-sonnet"],
    ["deepseek/deepseek-chat", "deepseek", "deepseek-chat"],
    ["together_ai/meta-llama/Llama-3-8b", "together", "meta-llama/Llama-3-8b"],
    ["fireworks_ai/llama-v3p1-70b", "fireworks", "accounts/fireworks/models/llama-v3p1-70b"],
    ["fireworks_ai/accounts/me/models/x", "fireworks", "accounts/me/models/x"],
    ["dashscope/qwen-max", "qwen", "qwen-max"],
    ["lm_studio/qwen", "lmstudio", "qwen"],
    ["litellm_proxy/gpt-4", "litellm", "gpt-4"],
    ["mistral/mistral-large", "mistral", "mistral-large"],
    ["xai/grok-2", "xai", "grok-2"],
    ["cohere/command-r", "openai-compatible", "command-r"],
  ] as const) {
    test(`${model} is ${upstream} at ${type}`, () => {
      const { config } = loaded(convert({ ...deployments({ model }), ...master }));
      const target = config.models["m"]?.targets[0];
      expect(target?.model).toBe(upstream);
      expect(config.providers[target?.provider ?? ""]?.type).toBe(type);
    });
  }

  for (const model of [
    "bedrock/x",
    "vertex_ai/gemini-pro",
    "gemini-1.5-pro",
    "sagemaker/x",
    "replicate/x",
    "anthropic.claude-v2",
    "*",
    "llama-3",
  ]) {
    test(`${model} cannot be carried, and it is told why`, () => {
      const { tree, notes } = convert({ ...deployments({ model }), ...master });
      expect(tree["providers"]).toBeUndefined();
      expect(notes).toHaveLength(1);
      expect(notes[0]).toStartWith("model_list[0]: ");
    });
  }

  test("OpenAI's protocol at another host is whoever is there", () => {
    const at = (api_base: string): string => only({ model: "openai/x", api_base, api_key: "os.environ/KEY" }).type;
    expect(at("https://api.groq.com/openai/v1")).toBe("groq");
    expect(at("https://llm.example.com/v1")).toBe("openai-compatible");
    expect(at("os.environ/MY_BASE")).toBe("openai-compatible");
    expect(at("https://generativelanguage.googleapis.com/v1beta/openai")).toBe("openai-compatible");
    expect(only({ model: "openai/x", api_base: "https://api.openai.com/v1" }).baseUrl).toBe(
      "https://api.openai.com/v1",
    );
  });

  test("a provider's base URL keeps no version where our type brings it", () => {
    expect(only({ model: "anthropic/x", api_base: "https://proxy.example/v1/" }).baseUrl).toBe("https://proxy.example");
    expect(only({ model: "gemini/x", api_base: "https://proxy.example/v1beta" }).baseUrl).toBe("https://proxy.example");
    expect(only({ model: "azure/x", api_base: "https://r.openai.azure.com/openai/deployments/x" }).baseUrl).toBe(
      "https://r.openai.azure.com",
    );
  });

  test("without an api_key or api_base LiteLLM's own variables are named", () => {
    expect(only({ model: "together_ai/x" }).credentials).toMatchObject([{ key: "key-of-TOGETHERAI_API_KEY" }]);
    expect(only({ model: "azure/x" })).toMatchObject({
      baseUrl: "http://10.0.0.1",
      credentials: [{ key: "key-of-AZURE_API_KEY" }],
    });
    const { tree } = convert(deployments({ model: "ollama/x" }));
    expect(JSON.stringify(tree)).toContain("${OLLAMA_API_BASE:-http://127.0.0.1:11434}");
  });

  test("a named credential fills in what a deployment does not say", () => {
    const credential_list = [
      { credential_name: "c", credential_values: { api_key: "os.environ/C_KEY", api_base: "https://c.example" } },
    ];
    const provider = only(
      { model: "azure/x", litellm_credential_name: "c", api_base: "https://own.example" },
      { credential_list },
    );
    expect(provider).toMatchObject({ baseUrl: "https://own.example", credentials: [{ key: "key-of-C_KEY" }] });
  });
});

const names = (...params: Record<string, unknown>[]): string[] =>
  Object.keys(convert(deployments(...params)).tree["providers"] as object);

describe("providers", () => {
  test("deployments with the same access share one, those with limits do not", () => {
    const same = convert(deployments({ model: "openai/a" }, { model: "openai/b" }));
    expect(Object.keys(same.tree["providers"] as object)).toEqual(["openai"]);
    const limited = convert({
      model_list: [
        { model_name: "big", litellm_params: { model: "openai/a", rpm: 10 } },
        { model_name: "small", litellm_params: { model: "openai/b", rpm: 500 } },
      ],
    });
    const { config } = loaded(limited);
    expect(targetsOf(config, "big")).toEqual(["openai-big/a"]);
    expect([config.providers["openai-big"]?.rpm, config.providers["openai-small"]?.rpm]).toEqual([10, 500]);
  });

  test("their names come from what tells them apart: the key's variable, the host, the model, a number", () => {
    expect(
      names(
        { model: "openai/a", api_key: "os.environ/OPENAI_API_KEY" },
        { model: "openai/a", api_key: "os.environ/OPENAI_API_KEY_TEAM_2" },
      ),
    ).toEqual(["openai", "openai-team-2"]);
    expect(
      names(
        { model: "azure/a", api_base: "https://east.openai.azure.com" },
        { model: "azure/a", api_base: "https://west.openai.azure.com" },
      ),
    ).toEqual(["azure-east", "azure-west"]);
    expect(names({ model: "openai/a", api_key: "k1" }, { model: "openai/a", api_key: "k2" })).toEqual([
      "openai",
      "openai-2",
    ]);
    expect(names({ model: "openai/a", api_base: "http://localhost:8000/v1" })).toEqual(["local"]);
  });

  test("a literal text with ${ stays literal", () => {
    expect(only({ model: "openai/x", api_key: "sk-${NOT_A_VARIABLE}" }).credentials).toMatchObject([
      { key: "sk-${NOT_A_VARIABLE}" },
    ]);
  });

  test("a variable whose name cannot be one here is told, not guessed", () => {
    const { notes, tree } = convert(deployments({ model: "openai/x", api_key: "os.environ/MY-KEY" }));
    expect(notes.join()).toContain("model_list[0].litellm_params.api_key: a variable's name is made of letters");
    expect(JSON.stringify(tree)).not.toContain("MY-KEY");
  });

  test("a default of parallel requests holds where a deployment has no limit of its own", () => {
    const source = { ...deployments({ model: "openai/x" }), router_settings: { default_max_parallel_requests: 7 } };
    expect(Object.values(loaded(convert(source)).config.providers)[0]?.concurrency).toBe(7);
  });
});

const weights = (...params: Record<string, unknown>[]) =>
  loaded(convert(deployments(...params))).config.models["m"]?.targets.map(({ weight }) => weight);

describe("strategies", () => {
  const pair = [{ model: "openai/a" }, { model: "groq/b" }] as const;
  for (const [theirs, ours] of [
    ["least-busy", "least_used"],
    ["latency-based-routing", "lowest_latency"],
    ["cost-based-routing", "cheapest"],
    ["usage-based-routing-v2", "least_used"],
    ["simple-shuffle", "random"],
    ["my-own-strategy", "random"],
  ] as const) {
    test(`${theirs} is ${ours}`, () => {
      const source = { ...deployments(...pair), router_settings: { routing_strategy: theirs } };
      expect(loaded(convert(source)).config.models["m"]?.strategy).toBe(ours);
    });
  }

  test("simple-shuffle weighs by what the first deployment has: weight, else rpm, else tpm; the others count as 0", () => {
    expect(weights({ model: "openai/a", rpm: 900 }, { model: "groq/b", rpm: 100, weight: 5 })).toEqual([900, 100]);
    expect(weights({ model: "openai/a", tpm: 9 }, { model: "groq/b" })).toEqual([9, 0]);
    expect(weights({ model: "openai/a" }, { model: "groq/b", weight: 5 })).toEqual([1, 1]);
  });

  test("deployments without an order come after those with one", () => {
    const { config } = loaded(
      convert(deployments({ model: "openai/a" }, { model: "groq/b", order: 2 }, { model: "xai/c", order: 1 })),
    );
    expect(targetsOf(config, "m")).toEqual(["xai/c", "groq/b", "openai/a"]);
  });
});

test("settings of the router count before those of the library", () => {
  const provider = only(
    { model: "openai/x" },
    { router_settings: { num_retries: 4, timeout: 30 }, litellm_settings: { num_retries: 9, request_timeout: 900 } },
  );
  expect(provider).toMatchObject({ retries: 4, timeouts: { firstByte: 30_000, idle: 30_000, total: 600_000 } });
});

test("without a master key it is told that only this machine is served", () => {
  const { notes, tree } = convert(deployments({ model: "openai/x" }));
  expect(notes).toEqual([
    "general_settings: without a master_key LiteLLM answers anybody; here only this machine is served without a key (server.anonymous)",
  ]);
  expect(tree["keys"]).toBeUndefined();
});

test("a short master key is a key for clients and no admin token", () => {
  const { config } = loaded(
    convert({ ...deployments({ model: "openai/x" }), general_settings: { master_key: "sk-1234" } }),
  );
  expect(config.keys.inbound).toEqual(["sk-1234"]);
  expect(config.admin.token).toBeUndefined();
});

test("default_litellm_params reach all requests", () => {
  const source = {
    ...deployments({ model: "openai/x" }),
    router_settings: { default_litellm_params: { temperature: 0.1, api_key: "x" } },
  };
  expect(loaded(convert(source)).config.parameters).toEqual({ temperature: 0.1 });
});

test("all mistakes are told at once, with their places", () => {
  const message = refusal(() =>
    convert({
      model_list: [
        7,
        { model_name: "a" },
        { litellm_params: { model: "openai/x" } },
        { model_name: "b", litellm_params: { model: "openai/x", api_base: "not a url", order: 1.5, rpm: [] } },
        { model_name: "__proto__", litellm_params: { model: "openai/x" } },
      ],
      router_settings: { fallbacks: "gpt-4" },
    }),
  );
  for (const place of [
    "model_list[0] (file config.yaml): must be an object with model_name and litellm_params",
    "model_list[1].litellm_params (file config.yaml): must be an object",
    "model_list[2].model_name (file config.yaml): is missing",
    "model_list[3].litellm_params.api_base (file config.yaml): must be an http:// or https:// URL",
    "model_list[3].litellm_params.rpm (file config.yaml): must be a number",
    "model_list[3].litellm_params.order (file config.yaml): must be a whole number",
    "model_list[4].model_name (file config.yaml): this name is not allowed",
    "router_settings.fallbacks (file config.yaml): must be a list",
  ]) {
    expect(message).toContain(place);
  }
});

import { describe, expect, test } from "bun:test";
import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { factsOf, providerTypeNames } from "../../src/config/provider-types.ts";
import { providers } from "../../src/providers/registry.ts";

interface Case {
  type: keyof typeof providers;
  baseUrl: string;
  protocol: ProtocolName;
  model?: string;
  stream?: boolean;
  apiVersion?: string;
}

function endpointOf({ type, baseUrl, protocol, model = "m", stream = false, apiVersion }: Case): string {
  return providers[type].endpoint({ baseUrl, apiVersion, protocol, model, stream }).href;
}

describe("requests go to", () => {
  test("Anthropic's messages below the host", () => {
    const anthropic = { type: "anthropic", baseUrl: "https://api.anthropic.com" } as const;
    expect(endpointOf({ ...anthropic, protocol: "anthropic-messages" })).toBe("https://api.anthropic.com/v1/messages");
    expect(endpointOf({ ...anthropic, protocol: "openai-chat" })).toBe("https://api.anthropic.com/v1/chat/completions");
  });

  test("Gemini's method of the model, as events when it streams", () => {
    const gemini = { type: "gemini", baseUrl: "https://g.test", protocol: "gemini-generate" } as const;
    expect(endpointOf({ ...gemini, model: "gemini-3-pro" })).toBe(
      "https://g.test/v1beta/models/gemini-3-pro:generateContent",
    );
    expect(endpointOf({ ...gemini, model: "models/gemini-3-pro", stream: true })).toBe(
      "https://g.test/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
    );
  });

  test("one segment of Gemini's path, whatever the model is called", () => {
    const gemini = { type: "gemini", baseUrl: "https://g.test", protocol: "gemini-generate" } as const;
    for (const model of ["../../admin", "a/b", "a?b=c", "a#b", "ü"]) {
      const url = new URL(endpointOf({ ...gemini, model }));
      expect(url.pathname.startsWith("/v1beta/models/")).toBe(true);
      expect(url.pathname.split("/")).toHaveLength(4);
      expect(url.search).toBe("");
    }
  });

  test("Ollama's own API and its compatible ones", () => {
    const ollama = { type: "ollama", baseUrl: "http://127.0.0.1:11434" } as const;
    const paths = {
      "ollama-chat": "/api/chat",
      "ollama-generate": "/api/generate",
      "openai-chat": "/v1/chat/completions",
    } as const;
    for (const [protocol, path] of Object.entries(paths))
      expect(endpointOf({ ...ollama, protocol: protocol as ProtocolName })).toBe(`http://127.0.0.1:11434${path}`);
  });

  test("an Azure deployment with its api-version, or the v1 API without", () => {
    const azure = {
      type: "azure",
      baseUrl: "https://r.openai.azure.com",
      model: "my gpt",
      protocol: "openai-chat",
    } as const;
    expect(endpointOf(azure)).toBe(
      "https://r.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
    );
    expect(endpointOf({ ...azure, apiVersion: "2026-01-01" })).toEndWith("?api-version=2026-01-01");
    expect(endpointOf({ ...azure, protocol: "openai-responses" })).toStartWith(
      "https://r.openai.azure.com/openai/responses?",
    );
    const v1 = { ...azure, baseUrl: "https://r.openai.azure.com/openai/v1" };
    expect(endpointOf(v1)).toBe("https://r.openai.azure.com/openai/v1/chat/completions");
  });

  test("OpenRouter's native messages and responses", () => {
    const openrouter = { type: "openrouter", baseUrl: "https://openrouter.ai/api/v1" } as const;
    expect(endpointOf({ ...openrouter, protocol: "anthropic-messages" })).toBe("https://openrouter.ai/api/v1/messages");
    expect(endpointOf({ ...openrouter, protocol: "openai-responses" })).toBe("https://openrouter.ai/api/v1/responses");
  });
});

test("each provider takes its credential where it looks for it", () => {
  const expected: Partial<Record<keyof typeof providers, Record<string, string>>> = {
    anthropic: { "x-api-key": "k", "anthropic-version": "2023-06-01" },
    gemini: { "x-goog-api-key": "k" },
    azure: { "api-key": "k" },
    dummy: {},
  };
  for (const type of providerTypeNames) {
    if (type === "openrouter") continue;
    const headers: Record<string, string> = {};
    providers[type].authorize(headers, "k");
    expect(headers).toEqual(expected[type] ?? { authorization: "Bearer k" });
  }
});

test("the client's anthropic-version is left alone", () => {
  const headers: Record<string, string> = { "anthropic-version": "2026-10-21" };
  providers.anthropic.authorize(headers, "k");
  expect(headers["anthropic-version"]).toBe("2026-10-21");
});

test("every type has an endpoint for all it may speak", () => {
  for (const type of providerTypeNames) {
    const { baseUrl, protocols, alsoSpeaks } = factsOf(type);
    for (const protocol of [...protocols, ...alsoSpeaks])
      expect(URL.canParse(endpointOf({ type, baseUrl: baseUrl || "http://h.test/v1", protocol }))).toBe(true);
  }
});

describe("model lists", () => {
  test("of Anthropic are read page by page", () => {
    const { models } = providers.anthropic;
    const from = models?.url("https://a.test") ?? new URL("http://x");
    expect(from.href).toBe("https://a.test/v1/models?limit=1000");
    const page = models?.read(
      {
        data: [{ type: "model", id: "claude-x", created_at: "2026-01-02T00:00:00Z" }, null],
        has_more: true,
        last_id: "claude-x",
      },
      from,
    );
    expect(page?.models).toMatchObject([{ id: "claude-x", created: Date.parse("2026-01-02") / 1000 }]);
    expect(page?.next?.searchParams.get("after_id")).toBe("claude-x");
    expect(models?.read({ data: [], has_more: false }, from)?.next).toBeUndefined();
    expect(models?.read({ error: {} }, from)).toBeUndefined();
  });

  test("of Gemini lose the prefix of the name and go on with a token", () => {
    const { models } = providers.gemini;
    const from = models?.url("https://g.test") ?? new URL("http://x");
    const entry = {
      name: "models/gemini-3-pro",
      inputTokenLimit: 1_000_000,
      outputTokenLimit: 65_536,
      supportedGenerationMethods: ["generateContent"],
      thinking: true,
    };
    const page = models?.read({ models: [entry, "x"], nextPageToken: "t" }, from);
    expect(page?.models).toMatchObject([
      {
        id: "gemini-3-pro",
        contextLength: 1_000_000,
        maxOutputTokens: 65_536,
        capabilities: { tools: true, reasoning: true },
      },
    ]);
    expect(page?.next?.searchParams.get("pageToken")).toBe("t");
    expect(models?.read({}, from)).toBeUndefined();
  });

  test("of Ollama are its tags", () => {
    const { models } = providers.ollama;
    const from = models?.url("http://o.test") ?? new URL("http://x");
    expect(from.href).toBe("http://o.test/api/tags");
    const page = models?.read({ models: [{ name: "llama4:latest", capabilities: ["completion", "tools"] }, 3] }, from);
    expect(page?.models).toMatchObject([
      { id: "llama4:latest", capabilities: { tools: true, vision: false, reasoning: false } },
    ]);
  });
});

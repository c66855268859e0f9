import { describe, expect, test } from "bun:test";
import { factsOf } from "../../src/config/provider-types.ts";
import { joinUrl } from "../../src/providers/join-url.ts";
import { authorizeBearer, createOpenaiFamily, readOpenaiModels } from "../../src/providers/openai-family.ts";
import { providers } from "../../src/providers/registry.ts";

const openaiCompatible = createOpenaiFamily("openai-compatible");

describe("the endpoint", () => {
  test.each([
    ["https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/chat/completions"],
    ["https://host/v1/", "https://host/v1/chat/completions"],
    ["https://host/v1///", "https://host/v1/chat/completions"],
    ["https://host", "https://host/chat/completions"],
    ["http://[::1]:1234/v1", "http://[::1]:1234/v1/chat/completions"],
    [
      "https://azure.test/openai?api-version=2026-01-01",
      "https://azure.test/openai/chat/completions?api-version=2026-01-01",
    ],
    ["https://host/a%2Fb/v1", "https://host/a%2Fb/v1/chat/completions"],
  ])("of %s is %s", (baseUrl, url) => {
    expect(
      openaiCompatible.endpoint({ baseUrl, apiVersion: undefined, protocol: "openai-chat", model: "m", stream: false })
        .href,
    ).toBe(url);
  });

  test("of the model list stands beside it", () => {
    expect(openaiCompatible.models?.url("https://host/v1/").href).toBe("https://host/v1/models");
    expect(joinUrl("https://host/v1?x=1", "/models").href).toBe("https://host/v1/models?x=1");
  });
});

test("a credential becomes a Bearer token, none becomes nothing", () => {
  const headers: Record<string, string> = {};
  authorizeBearer(headers, undefined);
  expect(headers).toEqual({});
  authorizeBearer(headers, "sk-1");
  expect(headers).toEqual({ authorization: "Bearer sk-1" });
});

describe("a list of models", () => {
  test("gives what each server says of the context length, in its own words", () => {
    const page = {
      object: "list",
      data: [
        { id: "a", created: 5, context_length: 1, context_window: 2 },
        { id: "b", context_window: 2 },
        { id: "c", max_model_len: 3 },
        { id: "d", max_context_length: 4, created: null },
        { id: "e", context_length: "many", created: "yesterday" },
      ],
    };
    const { models, next } = readOpenaiModels(page) ?? { models: [], next: undefined };
    expect(next).toBeUndefined();
    expect(models.map(({ id, created, contextLength }) => [id, created, contextLength])).toEqual([
      ["a", 5, 1],
      ["b", undefined, 2],
      ["c", undefined, 3],
      ["d", undefined, 4],
      ["e", undefined, undefined],
    ]);
  });

  test("that is none is told from an empty one", () => {
    for (const page of [undefined, null, 1, "x", [], {}, { data: {} }, { data: null }, { error: {} }])
      expect(readOpenaiModels(page)).toBeUndefined();
    expect(readOpenaiModels({ data: [{ id: 5 }] })?.models).toEqual([]);
  });

  test("keeps its good entries beside a bad one", () => {
    expect(
      readOpenaiModels({ data: [{ id: "a" }, null, { name: "b" }, { id: "c" }] })?.models.map(({ id }) => id),
    ).toEqual(["a", "c"]);
  });
});

test("every provider is registered under its own name and speaks something", () => {
  for (const [id, provider] of Object.entries(providers)) {
    expect(provider.id).toBe(id as typeof provider.id);
    expect(factsOf(provider.id).protocols.length).toBeGreaterThan(0);
  }
});

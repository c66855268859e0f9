import { describe, expect, test } from "bun:test";
import { openrouter } from "../../src/providers/openrouter.ts";
import type { ModelPage } from "../../src/providers/provider.ts";
import { listedModel } from "../support/replies.ts";
import { forSeeds } from "../lib/seeded.ts";

const from = new URL("https://openrouter.ai/api/v1/models");

function read(page: unknown): ModelPage {
  return openrouter.models?.read(page, from) ?? { models: [], next: undefined };
}

function headersWith(client: Record<string, string>): Record<string, string> {
  const headers = { ...client };
  openrouter.authorize(headers, "sk-or-1");
  return headers;
}

describe("attribution", () => {
  test("names the gateway", () => {
    expect(headersWith({})).toEqual({
      authorization: "Bearer sk-or-1",
      "http-referer": expect.stringMatching(/^https:\/\//),
      "x-openrouter-title": "Orcestator",
    });
  });

  test("leaves a client's own names alone, in the old and the new header", () => {
    expect(headersWith({ "http-referer": "https://app.test", "x-title": "App" })).toEqual({
      authorization: "Bearer sk-or-1",
      "http-referer": "https://app.test",
      "x-title": "App",
    });
    expect(headersWith({ "x-openrouter-title": "App" })["x-openrouter-title"]).toBe("App");
  });
});

const priceOf = (pricing: unknown): unknown => read({ data: [{ id: "m", pricing }] }).models[0]?.pricing;

describe("a model of the list", () => {
  test("has its length, limits, capabilities and price", () => {
    expect(read({ data: [listedModel("openai/gpt-4o")] }).models).toEqual([
      {
        id: "openai/gpt-4o",
        created: 1_700_000_000,
        contextLength: 128_000,
        maxOutputTokens: 16_384,
        capabilities: { tools: true, vision: true, reasoning: true },
        pricing: { input: 2.5, output: 10, cacheRead: 1.25 },
        supportedParameters: ["tools", "tool_choice", "reasoning", "max_tokens", "temperature"],
      },
    ]);
  });

  test("has no price where it has none of its own, and 0 where it is free", () => {
    expect(priceOf({ prompt: "0", completion: "0" })).toEqual({ input: 0, output: 0 });
    for (const pricing of [
      undefined,
      null,
      {},
      { prompt: "-1", completion: "-1" },
      { prompt: "x", completion: "1" },
      { prompt: 1, completion: 1 },
      "free",
    ])
      expect(priceOf(pricing)).toBeUndefined();
  });

  test("has the prices of caches and the fee of a request, where they are not 0", () => {
    const rates = { input_cache_read: "0.0000003", input_cache_write: "0.00000375", request: "0.01" };
    expect(priceOf({ prompt: "0.000003", completion: "0.000015", ...rates, internal_reasoning: "0" })).toEqual({
      input: 3,
      output: 15,
      cacheRead: 0.3,
      cacheWrite: 3.75,
      request: 0.01,
    });
  });

  test("has no price where the text of one is empty", () => {
    expect(read({ data: [{ id: "m", pricing: { prompt: "", completion: " " } }] }).models[0]?.pricing).toBeUndefined();
  });

  test("has prices without the noise of binary fractions", () => {
    const model = { id: "m", pricing: { prompt: "0.00000015", completion: "0.0000006" } };
    expect(read({ data: [model] }).models[0]?.pricing).toEqual({ input: 0.15, output: 0.6 });
  });

  test("has unknown capabilities where nothing is said of them", () => {
    expect(read({ data: [{ id: "m" }] }).models[0]).toEqual({
      id: "m",
      created: undefined,
      contextLength: undefined,
      maxOutputTokens: undefined,
      capabilities: undefined,
      pricing: undefined,
    });
    expect(read({ data: [{ id: "m", supported_parameters: [], architecture: null }] }).models[0]?.capabilities).toEqual(
      { tools: false, vision: false, reasoning: false },
    );
  });

  test("that makes no sense is left out, the others stay", () => {
    expect(read({ data: [null, { id: 1 }, listedModel("a"), "x", []] }).models.map(({ id }) => id)).toEqual(["a"]);
  });
});

describe("the next page", () => {
  test.each([
    ["https://openrouter.ai/api/v1/models?offset=500", "https://openrouter.ai/api/v1/models?offset=500"],
    ["/api/v1/models?offset=500", "https://openrouter.ai/api/v1/models?offset=500"],
    ["?offset=500", "https://openrouter.ai/api/v1/models?offset=500"],
  ])("%p is %s", (next, url) => {
    expect(read({ data: [], links: { next } }).next?.href).toBe(url);
  });

  test("is none of another origin: the credential would go there", () => {
    for (const next of [
      "https://evil.test/x",
      "http://openrouter.ai/api/v1/models",
      "//evil.test/x",
      "https://openrouter.ai:444/x",
      "https://openrouter.ai@evil.test/",
      "\\\\evil.test\\x",
      "file:///etc/passwd",
      "http://[",
      "",
      null,
      undefined,
    ])
      expect(read({ data: [], links: { next } }).next).toBeUndefined();
  });
});

test("no page, however damaged, throws", () => {
  forSeeds(3000, (random) => {
    const value = (): unknown =>
      random.pick([null, 1, -1, "x", "", "1e999", [], {}, ["tools"], { next: 5 }, { prompt: "1", completion: "-0" }]);
    const model = Object.fromEntries(
      ["id", "created", "context_length", "architecture", "pricing", "top_provider", "supported_parameters"].map(
        (name) => [name, value()],
      ),
    );
    const { models } = read({ data: [model, { ...model, id: "kept" }], links: value() });
    expect(models.some(({ id }) => id === "kept")).toBe(true);
  });
});

import { describe, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { priceTableNames } from "../../src/config/price-table-names.ts";
import { factsOf, providerTypeNames, type ProviderType } from "../../src/config/provider-types.ts";
import { loadBundledTable } from "../../src/prices/bundled-table.ts";
import { createPriceTable } from "../../src/prices/price-table.ts";
import type { TableProvider } from "../../src/prices/table-data.ts";
import { knownTableNames, tableNameOf } from "../../src/prices/table-provider.ts";

const table = createPriceTable();
const now = Date.parse("2026-11-20T12:00:00Z");

/** What the service of a type charges for a model: input, output. */
function charged(type: ProviderType, model: string): [number, number] | undefined {
  const baseUrl = factsOf(type).baseUrl ?? "https://here.openai.azure.com";
  const price = table.find({ type, baseUrl }, model, undefined)?.priceAt(now);
  return price && [price.input, price.output];
}

describe("models are found by the names that upstreams know", () => {
  test.each([
    ["openai", "gpt-4o", 2.5, 10],
    ["openai", "gpt-4o-2024-08-06", 2.5, 10],
    ["openai", "gpt-4o-2024-05-13", 5, 15],
    ["openai", "gpt-4o-mini-2024-07-18", 0.15, 0.6],
    ["openai", "gpt-4.1-nano", 0.1, 0.4],
    ["openai", "gpt-5-2025-08-07", 1.25, 10],
    ["openai", "gpt-5-20250807", 1.25, 10],
    ["openai", "gpt-5-mini", 0.25, 2],
    ["openai", "gpt-5.4", 2.5, 15],
    ["openai", "o3-2025-04-16", 2, 8],
    ["openai", "o4-mini", 1.1, 4.4],
    ["openai", "ft:gpt-4o-mini-2024-07-18:acme::Ab12", 0.3, 1.2],
    ["openai", "text-embedding-3-small", 0.02, 0],
    ["anthropic", "claude-sonnet-4-5-20250929", 3, 15],
    ["anthropic", "claude-sonnet-4-20250514", 3, 15],
    ["anthropic", "claude-3-5-haiku-latest", 0.8, 4],
    ["anthropic", "claude-haiku-4-5-20251001", 1, 5],
    ["anthropic", "claude-opus-4-1-20250805", 15, 75],
    ["anthropic", "claude-opus-5", 5, 25],
    ["gemini", "gemini-2.5-pro", 1.25, 10],
    ["gemini", "gemini-2.5-pro-preview-06-05", 1.25, 10],
    ["gemini", "gemini-2.5-flash", 0.3, 2.5],
    ["gemini", "gemini-2.0-flash-001", 0.1, 0.4],
    ["gemini", "gemini-embedding-001", 0.15, 0],
    ["groq", "llama-3.3-70b-versatile", 0.59, 0.79],
    ["groq", "openai/gpt-oss-120b", 0.15, 0.6],
    ["groq", "meta-llama/llama-4-scout-17b-16e-instruct", 0.11, 0.34],
    ["deepseek", "deepseek-v4-flash", 0.22, 0.66],
    ["mistral", "mistral-large-2512", 0.5, 1.5],
    ["mistral", "codestral-2508", 0.3, 0.9],
    ["mistral", "magistral-medium-2506", 2, 5],
    ["xai", "grok-4-0709", 3, 15],
    ["xai", "grok-4.5", 2, 6],
    ["together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", 0.88, 0.88],
    ["fireworks", "accounts/fireworks/models/deepseek-v3p2", 0.56, 1.68],
    ["cerebras", "gpt-oss-120b", 0.35, 0.75],
    ["moonshot", "kimi-k2-0905-preview", 0.6, 2.5],
    ["moonshot", "kimi-k2.6", 0.95, 4],
    ["azure", "gpt-4o", 2.5, 10],
    ["azure", "gpt-5-mini-2025-08-07", 0.25, 2],
    ["azure", "text-embedding-ada-002", 0.1, 0],
    ["openrouter", "anthropic/claude-opus-4.5", 5, 25],
    ["openrouter", "openai/gpt-4o", 2.5, 10],
  ] as const)("%s %s", (type, model, input, output) => {
    expect(charged(type, model)).toEqual([input, output]);
  });
});

describe("a wrong price is worse than none", () => {
  test.each([
    // Another model of the same beginning, at another price.
    ["anthropic", "claude-opus-4-8-fast"],
    ["anthropic", "claude-sonnet-5-5"],
    ["anthropic", "claude-haiku-4-55"],
    ["gemini", "gemini-1.5-flash-8b"],
    ["gemini", "gemini-3.6-flash-ultra"],
    ["deepseek", "deepseek-r1-distill-llama-70b"],
    // Found by nothing but its sound.
    ["openai", "gpt-5.9"],
    ["openai", "my-gpt-4o"],
    ["groq", "llama-4-scout"],
    ["openrouter", "anthropic/claude-opus-99"],
    // Their tokens are mostly no text, and the counts do not tell them apart.
    ["openai", "gpt-4o-audio-preview"],
    ["openai", "gpt-image-1.5"],
    ["openai", "gpt-realtime"],
    ["openai", "whisper-1"],
    ["gemini", "gemini-2.5-flash-image"],
    ["gemini", "gemini-2.5-pro-preview-tts"],
    // The table knows the model and no price of it.
    ["openai", "omni-moderation-latest"],
    ["cerebras", "qwen-3-coder-480b"],
    // Nobody sells them by the token.
    ["ollama", "gpt-4o"],
    ["vllm", "gpt-4o"],
    ["qwen", "qwen-max"],
    ["dummy", "gpt-4o"],
  ] as const)("%s %s has none", (type, model) => {
    expect(charged(type, model)).toBeUndefined();
  });

  test("a name of any length is looked up quickly", () => {
    const from = performance.now();
    expect(charged("anthropic", `claude-sonnet-5${"-2025".repeat(100_000)}`)).toBeUndefined();
    expect(charged("anthropic", `claude-sonnet-5${"-2025-01".repeat(35)}x`)).toBeUndefined();
    expect(performance.now() - from).toBeLessThan(100);
  });
});

describe("whose prices a provider charges", () => {
  const source = loadBundledTable();

  function nameAt(type: ProviderType, baseUrl: string): string | undefined {
    return tableNameOf({ type, baseUrl }, () => source);
  }

  test("each type's own address is the table's for it", () => {
    const named = providerTypeNames.flatMap((type) => {
      const baseUrl = factsOf(type).baseUrl;
      const name = baseUrl === undefined ? undefined : nameAt(type, baseUrl);
      return name === undefined ? [] : [[name, source.providerAt(baseUrl ?? "")?.id]];
    });
    expect(named).toHaveLength(12);
    for (const [byType, byAddress] of named) expect(byType).toBe(byAddress);
    for (const name of knownTableNames) expect(source.provider(name)?.models.length).toBeGreaterThan(0);
  });

  test("the names that the configuration may say are those that the table has", async () => {
    for (const name of priceTableNames) expect([name, source.provider(name)?.id]).toEqual([name, name]);
    const written = await Bun.file(Bun.resolveSync("@pydantic/genai-prices", import.meta.dir)).text();
    const ids = [...written.matchAll(/\bid: "([^"]+)"/g)].map(([, id = ""]) => id);
    const all = new Set(ids.filter((id) => source.provider(id) !== undefined));
    expect([...all].sort()).toEqual([...priceTableNames]);
  });

  test("behind another address it is who is there, whatever API it speaks", () => {
    expect(nameAt("openai-compatible", "https://api.perplexity.ai")).toBe("perplexity");
    expect(nameAt("openai", "https://api.groq.com/openai/v1")).toBe("groq");
    expect(nameAt("openai", "https://llm.example.com/v1")).toBeUndefined();
    expect(nameAt("azure", "https://gateway.example.com")).toBe("azure");
  });

  test("the owner may say whose they are", () => {
    const found = table.find({ type: "openai", baseUrl: "http://127.0.0.1:9000/v1" }, "gpt-4o", "openai");
    expect(found?.priceAt(now)?.input).toBe(2.5);
    expect(table.find({ type: "openai", baseUrl: "" }, "gpt-4o", "nobody")).toBeUndefined();
    expect(table.find({ type: "openai", baseUrl: "" }, "gpt-4o", "open")).toBeUndefined();
  });
});

describe("the table in the executable", () => {
  test("is of the day its package was released", () => {
    expect({ release: manifest.dependencies["@pydantic/genai-prices"], asOf: table.origin().asOf }).toEqual({
      release: "0.1.8",
      asOf: "2026-09-23",
    });
  });

  test("is read when the first price is asked for, and not for local models", () => {
    let reads = 0;
    const lazy = createPriceTable({
      load() {
        reads += 1;
        return loadBundledTable();
      },
    });
    lazy.version();
    lazy.origin();
    lazy.find({ type: "ollama", baseUrl: "http://127.0.0.1:11434" }, "llama3", undefined);
    expect(reads).toBe(0);
    lazy.find({ type: "openai", baseUrl: "https://api.openai.com/v1" }, "gpt-4o", undefined);
    lazy.find({ type: "openai", baseUrl: "https://api.openai.com/v1" }, "gpt-5", undefined);
    expect(reads).toBe(1);
  });

  test("that cannot be read has no prices, and says so once", () => {
    const problems: unknown[] = [];
    const broken = createPriceTable({
      load() {
        throw new Error("cut short");
      },
      onProblem: (error) => problems.push(error),
    });
    for (const model of ["gpt-4o", "gpt-5"])
      expect(broken.find({ type: "openai", baseUrl: "https://api.openai.com/v1" }, model, undefined)).toBeUndefined();
    expect(problems).toHaveLength(1);
  });
});

function madeOf(prices: TableProvider["models"][number]["prices"]): TableProvider {
  return {
    id: "openai",
    api_pattern: "https://api\\.openai\\.com",
    models: [{ id: "m", match: { equals: "m" }, prices }],
  };
}

function inputAt(prices: TableProvider["models"][number]["prices"], time: string): number | undefined {
  const made = createPriceTable();
  made.replace([madeOf(prices)], { source: "https://example.com", asOf: "2026-11-20" });
  const entry = made.find({ type: "openai", baseUrl: "https://api.openai.com/v1" }, "m", undefined);
  return entry?.priceAt(Date.parse(time))?.input;
}

function rates(input: number): { input_mtok: number; output_mtok: number } {
  return { input_mtok: input, output_mtok: 1 };
}

describe("prices that depend on when", () => {
  test("a new one holds from its day on", () => {
    const prices = [{ prices: rates(10) }, { constraint: { start_date: "2026-06-01" }, prices: rates(2) }];
    expect(inputAt(prices, "2026-05-31T23:59:59Z")).toBe(10);
    expect(inputAt(prices, "2026-06-01T00:00:00Z")).toBe(2);
  });

  test("hours of the day may begin on the day before, and in another time zone", () => {
    const night = [
      { prices: rates(2) },
      { constraint: { start_time: "16:30:00Z", end_time: "00:30:00Z" }, prices: rates(1) },
    ];
    expect(inputAt(night, "2026-06-01T16:30:00Z")).toBe(1);
    expect(inputAt(night, "2026-06-01T00:29:59Z")).toBe(1);
    expect(inputAt(night, "2026-06-01T00:30:00Z")).toBe(2);
    const early = [
      { prices: rates(2) },
      { constraint: { start_time: "01:00:00+02:00", end_time: "02:00:00+02:00" }, prices: rates(1) },
    ];
    expect(inputAt(early, "2026-06-01T23:30:00Z")).toBe(1);
    expect(inputAt(early, "2026-06-01T00:30:00Z")).toBe(2);
  });

  test("where none holds it is the first", () => {
    expect(inputAt([{ constraint: { start_date: "2030-01-01" }, prices: rates(4) }], "2026-06-01T00:00:00Z")).toBe(4);
  });
});

describe("tiers", () => {
  const prices = {
    input_mtok: {
      base: 1,
      tiers: [
        { start: 1000, price: 2 },
        { start: 5000, price: 3 },
      ],
    },
    output_mtok: { base: 10, tiers: [{ start: 1000, price: 20 }] },
    cache_read_mtok: 0.1,
    requests_kcount: 5,
  };
  const made = createPriceTable();
  made.replace([madeOf(prices)], { source: "https://example.com", asOf: "2026-11-20" });
  const price = made.find({ type: "openai", baseUrl: "https://api.openai.com/v1" }, "m", undefined)?.priceAt(now);

  test("hold for prompts of more tokens than they begin with, each kind by its own", () => {
    expect(
      price?.tiers.map(({ above, used }) => [above, used.input, used.output, used.cacheRead, used.request]),
    ).toEqual([
      [1000, 2, 20, 0.1, 0.005],
      [5000, 3, 20, 0.1, 0.005],
    ]);
    expect(price).toMatchObject({
      input: 1,
      output: 10,
      base: { request: 0.005, source: "table", asOf: "2026-11-20" },
    });
  });

  test("a unit that nobody knows makes the price unknown", () => {
    expect(inputAt({ ...prices, hologram_mtok: 1 }, "2026-06-01T00:00:00Z")).toBeUndefined();
  });
});

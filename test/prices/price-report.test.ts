import { expect, test } from "bun:test";
import { resolveConfig } from "../../src/config/resolve.ts";
import { configSchema } from "../../src/config/schema.ts";
import { configuredTargets } from "../../src/prices/configured-targets.ts";
import { createPriceBook } from "../../src/prices/price-book.ts";
import { priceReport, priceReportSchema } from "../../src/prices/price-report.ts";
import { createPriceTable } from "../../src/prices/price-table.ts";
import { viewJson } from "../../src/telemetry/request-view.ts";

const config = resolveConfig(
  configSchema.parse({
    providers: {
      claude: { type: "anthropic", credentials: ["k"], models: ["claude-opus-5"], aliases: { opus: "claude-opus-5" } },
      local: { type: "ollama" },
      off: { type: "openai", enabled: false, models: ["gpt-4o"] },
    },
    models: {
      smart: {
        targets: [
          { provider: "claude", model: "claude-sonnet-4-5" },
          { provider: "local", model: "llama3", price: { input: 0, output: 0 } },
        ],
      },
      "any/*": { targets: [{ provider: "local", model: "*" }] },
      opus: { targets: [{ provider: "local", model: "opus" }] },
    },
  }),
);

const table = createPriceTable();
const book = createPriceBook({ config: config.prices, table, findListed: () => undefined });

test("every name that can be asked for is listed with its targets", () => {
  const listed = configuredTargets(config).map(({ name, target }) => `${name} ${target.upstream.name}/${target.model}`);
  expect(listed).toEqual([
    "smart claude/claude-sonnet-4-5",
    "smart local/llama3",
    "opus local/opus",
    "claude-opus-5 claude/claude-opus-5",
  ]);
});

test("a report says what each costs, who says so, and what is not known", () => {
  const refresh = { url: "https://x.test", goodAt: undefined, problem: "no answer" };
  const report = priceReport({ targets: configuredTargets(config), book, table, refresh });
  const view = priceReportSchema.parse(JSON.parse(viewJson(report)));
  expect(view.prices.slice(0, 3)).toMatchObject([
    {
      model: "smart",
      provider: "claude",
      upstreamModel: "claude-sonnet-4-5",
      price: {
        input: 3,
        cacheRead: 0.3,
        cacheWrite: 3.75,
        reasoning: null,
        source: "table",
        asOf: "2026-09-23",
        tiers: [{ above: 200_000, input: 6, output: 22.5 }],
      },
    },
    { model: "smart", provider: "local", price: { input: 0, output: 0, cacheRead: null, source: "config", tiers: [] } },
    { model: "opus", provider: "local", price: null },
  ]);
  expect(view.table).toEqual({
    source: "bundled",
    asOf: "2026-09-23",
    refresh: { url: "https://x.test", goodAt: null, problem: "no answer" },
  });
});

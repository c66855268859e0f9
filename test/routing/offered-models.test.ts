import { afterAll, describe, expect, test } from "bun:test";
import { createCatalog } from "../../src/routing/catalog.ts";
import { listModels, offeredModels } from "../../src/routing/offered-models.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { listedModel, modelList } from "../support/replies.ts";
import { configured, openaiCompatibleAt } from "./configured.ts";
import { createRig } from "./rig.ts";

const upstream = await createFakeUpstream({
  models: modelList([
    listedModel("vendor/a"),
    listedModel("vendor/b"),
    listedModel("plain", {
      created: null,
      pricing: null,
      supported_parameters: null,
      architecture: null,
      context_length: null,
      top_provider: null,
    }),
  ]),
});
afterAll(() => upstream.close());

const open = { type: "openrouter", baseUrl: upstream.url, credentials: ["k"], acceptsAnyModel: true };
const models = {
  orcestator: {
    targets: [
      { provider: "open", model: "vendor/a" },
      { provider: "open", model: "vendor/b" },
    ],
  },
  "vendor/b": { targets: [{ provider: "open", model: "unlisted" }] },
};

describe("the models that are offered", () => {
  test("are the aliases with their first target's facts, then the names that the open upstream lists", async () => {
    const infos = await offeredModels(configured({ providers: { open }, models }));
    expect(infos.map(({ id, owned_by, upstream_model }) => [id, owned_by, upstream_model])).toEqual([
      ["orcestator", "orcestator", "vendor/a"],
      ["vendor/b", "orcestator", "unlisted"],
      ["vendor/a", "vendor", "vendor/a"],
      ["plain", "open", "plain"],
    ]);
    expect(infos[0]).toEqual({
      id: "orcestator",
      object: "model",
      created: 1_700_000_000,
      owned_by: "orcestator",
      permission: [],
      root: "orcestator",
      parent: null,
      provider: "open",
      upstream_model: "vendor/a",
      context_length: 128_000,
      max_output_tokens: 16_384,
      capabilities: { tools: true, vision: true, reasoning: true },
      pricing: { input_per_million_usd: 2.5, output_per_million_usd: 10 },
    });
  });

  test("have no facts that nobody told", async () => {
    const infos = await offeredModels(configured({ providers: { open }, models }));
    for (const id of ["plain", "vendor/b"]) {
      const info = infos.find((candidate) => candidate.id === id);
      expect(Object.keys(info ?? {})).toEqual([
        "id",
        "object",
        "created",
        "owned_by",
        "permission",
        "root",
        "parent",
        "provider",
        "upstream_model",
      ]);
      expect(info?.created).toBeGreaterThan(0);
    }
  });

  test("are the aliases alone where no other name may be asked for", async () => {
    const closed = { ...open, acceptsAnyModel: false };
    const infos = await offeredModels(configured({ providers: { open: closed }, models }));
    expect(infos.map(({ id }) => id)).toEqual(["orcestator", "vendor/b"]);
    expect(infos[0]?.context_length).toBe(128_000);
  });

  test("are listed at once, with what is known by now", () => {
    const { table } = createRig({ providers: { open }, models });
    const catalog = createCatalog({ upstreams: table.upstreams });
    expect(listModels(table, { catalog, priceOf: () => undefined }).map(({ id }) => id)).toEqual([
      "orcestator",
      "vendor/b",
    ]);
  });

  test("are the aliases when the upstream cannot be asked", async () => {
    const dead = { ...open, baseUrl: "http://127.0.0.1:1/v1" };
    const infos = await offeredModels(configured({ providers: { open: dead }, models }));
    expect(infos.map(({ id }) => id)).toEqual(["orcestator", "vendor/b"]);
  });

  test("are the names that providers offer too, and no wildcards", () => {
    const offering = { models: ["own", "some-*"], aliases: { fast: "tiny" } };
    const other = openaiCompatibleAt("http://other.test/v1", offering);
    const { table } = createRig({
      providers: { open, other },
      models: { ...models, "any-*": { targets: [{ provider: "open", model: "*" }] } },
    });
    const infos = listModels(table, {
      catalog: createCatalog({ upstreams: table.upstreams }),
      priceOf: () => undefined,
    });
    expect(infos.map(({ id, provider, upstream_model }) => [id, provider, upstream_model])).toEqual([
      ["orcestator", "open", "vendor/a"],
      ["vendor/b", "open", "unlisted"],
      ["own", "other", "own"],
      ["fast", "other", "tiny"],
    ]);
  });
});

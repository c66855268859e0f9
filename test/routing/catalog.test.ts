import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createCatalog, type Catalog } from "../../src/routing/catalog.ts";
import type { Upstream } from "../../src/routing/upstream.ts";
import { until } from "../support/e2e.ts";
import type { Behaviour } from "../support/exchange.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { body, failure, hangBeforeHeaders, listedModel, modelList, redirect } from "../support/replies.ts";
import { createRig } from "./rig.ts";

let behaviour: Behaviour;
let server: FakeUpstream;
let upstream: Upstream;
let problems: string[];
let now: number;

beforeEach(async () => {
  behaviour = modelList();
  server = await createFakeUpstream({ credentials: ["k1"], models: (exchange) => behaviour(exchange) });
  const open = { type: "openrouter", baseUrl: server.url, credentials: ["k1", "k2"], headers: { "x-own": "1" } };
  const quiet = { ...open, listModels: false };
  const [first] = createRig({ providers: { open, quiet } }).table.upstreams;
  if (first === undefined) throw new Error("no upstream");
  upstream = first;
  problems = [];
  now = 1_000_000;
});
afterEach(() => server.close());

function newCatalog(upstreams = [upstream]): Catalog {
  return createCatalog({
    upstreams,
    now: () => now,
    onProblem: (name, error) => problems.push(`${name}: ${String(error)}`),
  });
}

const idsOf = (catalog: Catalog): string[] => catalog.models().map(({ facts }) => facts.id);
const many = Array.from({ length: 25 }, (_, index) => listedModel(`vendor/m${index}`));
const hour = 60 * 60 * 1000;
const minute = 60 * 1000;

describe("the catalog", () => {
  test("reads every page, with the credential and the provider's own headers", async () => {
    behaviour = modelList(many, 10);
    const catalog = newCatalog();
    await catalog.refresh();
    expect(idsOf(catalog)).toEqual(many.map(({ id }) => id));
    expect(server.others.map(({ target }) => target)).toEqual([
      "/api/v1/models",
      "/api/v1/models?offset=10&limit=10",
      "/api/v1/models?offset=20&limit=10",
    ]);
    expect(server.others.every(({ headers }) => headers["x-own"] === "1")).toBe(true);
    expect([server.violations, problems]).toEqual([[], []]);
  });

  test("finds a model's facts", async () => {
    const catalog = newCatalog();
    expect(catalog.find(upstream, "openai/gpt-4o")).toBeUndefined();
    await catalog.refresh();
    expect(catalog.find(upstream, "openai/gpt-4o")).toMatchObject({ contextLength: 128_000 });
    expect(catalog.find(upstream, "other")).toBeUndefined();
  });

  test("asks only upstreams that are to be listed", async () => {
    const catalog = newCatalog([{ ...upstream, config: { ...upstream.config, listModels: false } }]);
    await catalog.refresh();
    expect([idsOf(catalog), server.others]).toEqual([[], []]);
  });

  test("stops at pages that lead round in a circle", async () => {
    behaviour = body(JSON.stringify({ data: [listedModel("a")], links: { next: "?again" } }));
    const catalog = newCatalog();
    await catalog.refresh();
    expect(idsOf(catalog)).toEqual(["a"]);
    expect(server.others.length).toBeLessThanOrEqual(50);
  });
});

describe("a list that cannot be read", () => {
  const bad: Record<string, Behaviour> = {
    "a server error": failure(500),
    "a refused key": failure(401),
    "a redirect": redirect("/api/v1/other"),
    "a web page": body("<html>", { headers: { "content-type": "text/html" } }),
    "half a document": body('{"data":['),
    "a cut connection": (exchange) => exchange.cut("rst"),
    "an error with 200": body('{"error":{"message":"no"}}'),
    "a document of another shape": body("{}"),
    "no document": body("null"),
  };

  for (const [name, reply] of Object.entries(bad)) {
    test(`leaves the last good one: ${name}`, async () => {
      const catalog = newCatalog();
      await catalog.refresh();
      const before = idsOf(catalog);
      behaviour = reply;
      await catalog.refresh();
      expect(idsOf(catalog)).toEqual(before);
    });
  }

  test("is told with the upstream's name, and asked for again after a minute", async () => {
    behaviour = failure(500);
    const catalog = newCatalog();
    await catalog.refresh();
    expect(problems).toEqual([expect.stringContaining("open: ")]);
    expect(problems[0]).toContain("500");
    now += minute - 1;
    expect(idsOf(catalog)).toEqual([]);
    expect(server.others).toHaveLength(1);
    now += 1;
    behaviour = modelList();
    catalog.models();
    await until(() => idsOf(catalog).length === 2, "the second list");
  });

  test("at a later page leaves the last good list whole", async () => {
    behaviour = modelList(many, 10);
    const catalog = newCatalog();
    await catalog.refresh();
    const first = modelList([...many, listedModel("new")], 10);
    behaviour = (exchange) => (exchange.request.target.includes("offset=20") ? failure(503) : first)(exchange);
    await catalog.refresh();
    expect(idsOf(catalog)).toEqual(many.map(({ id }) => id));
  });

  test("does not keep another upstream's from being read", async () => {
    const dead = { ...upstream, name: "dead", config: { ...upstream.config, baseUrl: "http://127.0.0.1:1/v1" } };
    const catalog = newCatalog([dead, upstream]);
    await catalog.refresh();
    expect(idsOf(catalog)).toHaveLength(2);
    expect(problems).toEqual([expect.stringContaining("dead: ")]);
  });
});

describe("whoever asks", () => {
  test("never waits, and does not start what is under way", async () => {
    behaviour = hangBeforeHeaders;
    const catalog = newCatalog();
    for (let count = 0; count < 100; count += 1) expect(idsOf(catalog)).toEqual([]);
    await until(() => server.others.length > 0, "the request");
    expect(server.others).toHaveLength(1);
  });

  test("starts a refresh when the list is an hour old, and sees the old one until then", async () => {
    const catalog = newCatalog();
    await catalog.refresh();
    behaviour = modelList([listedModel("only")]);
    now += hour - 1;
    expect(idsOf(catalog)).toHaveLength(2);
    expect(server.others).toHaveLength(1);
    now += 1;
    expect(idsOf(catalog)).toHaveLength(2);
    await until(() => idsOf(catalog)[0] === "only", "the new list");
  });
});

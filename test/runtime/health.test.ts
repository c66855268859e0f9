import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { compose, type House } from "../../src/runtime/compose.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { configFolder } from "../config/folder.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { failure, modelList, okJson } from "../support/replies.ts";

const upstream = await createFakeUpstream({ models: modelList() });
afterAll(() => upstream.close());
beforeEach(() => upstream.clear());

const key = (name: string): string => `${name}-0123456789abcdef`;

interface Parts {
  providers: Record<string, object>;
  models: object;
  content?: string;
}

function at(provider: object = {}): object {
  return { type: "openai-compatible", baseUrl: upstream.url, credentials: [key("k1")], retries: 0, ...provider };
}

function configOf({ providers, models, content = "full" }: Parts): ResolvedConfig {
  using folder = configFolder({
    "orcestator.json": JSON.stringify({
      server: { anonymous: "all" },
      logging: { file: "", level: "silent", content },
      providers,
      models,
    }),
  });
  return folder.load().config;
}

interface Rig extends AsyncDisposable {
  readonly house: House;
  readonly lines: string[];
  post(model: string): Promise<number>;
  /** How all of them stand. */
  credentials(): string[];
}

function startHouse(parts: Parts): Rig {
  const lines: string[] = [];
  const logger = createLogger("warn");
  logger.setReporters([{ log: ({ args }) => void lines.push(args.join(" ")) }]);
  const house = compose({ config: configOf(parts), logger, idleSeconds: 60, isDraining: () => false });
  return {
    house,
    lines,
    async post(model) {
      const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] });
      const headers = { "content-type": "application/json" };
      const request = new Request("http://127.0.0.1/v1/chat/completions", { method: "POST", headers, body });
      const response = await house.app.fetch(request);
      await response.text();
      return response.status;
    },
    credentials: () =>
      house.lasting.health.views().flatMap(({ credentials }) => credentials.map(({ status }) => status)),
    [Symbol.asyncDispose]: () => house.lasting.close(),
  };
}

test("a model that is forbidden to all credentials leaves them to the other models", async () => {
  const credentials = ["k1", "k2", "k3"].map(key);
  await using rig = startHouse({
    providers: { a: at({ credentials, acceptsAnyModel: true }) },
    models: { m: { targets: [{ provider: "a", model: "good" }] } },
  });
  upstream.set("forbidden", failure(403, { message: "Project does not have access to model forbidden" }));
  upstream.set("good", okJson());
  for (let count = 0; count < 2; count += 1) expect(await rig.post("forbidden")).toBe(503);
  expect(rig.credentials()).toEqual(["degraded", "degraded", "degraded"]);
  for (let count = 0; count < 6; count += 1) expect(await rig.post("m")).toBe(200);
  const used = upstream.of("good").map(({ headers }) => headers["authorization"]);
  expect(new Set(used).size).toBe(3);
});

test("a request that is too expensive leaves the credential to cheaper models", async () => {
  await using rig = startHouse({
    providers: { a: at({ acceptsAnyModel: true }) },
    models: { m: { targets: [{ provider: "a", model: "cheap" }] } },
  });
  const message =
    "This request requires more credits, or fewer max_tokens. You requested 65536, but can only afford 9.";
  upstream.set("expensive", failure(402, { message }));
  upstream.set("cheap", okJson());
  await rig.post("expensive");
  const view = rig.house.lasting.health.views()[0]?.credentials[0];
  expect([view?.disabled, Object.keys(view?.coolingUntil ?? {})]).toEqual([undefined, ["expensive"]]);
  expect(await rig.post("m")).toBe(200);
});

test("a list of models that costs nothing says nothing of a credential without money", async () => {
  await using rig = startHouse({ providers: { a: at() }, models: { m: { targets: [{ provider: "a", model: "x" }] } } });
  upstream.set("x", [failure(402), okJson()]);
  await rig.post("m");
  const list = await rig.house.app.fetch(new Request("http://127.0.0.1/p/a/models"));
  await list.text();
  expect([list.status, rig.credentials()]).toEqual([200, ["unhealthy"]]);
  expect(await rig.post("m")).toBe(200);
  expect(rig.credentials()).toEqual(["healthy"]);
});

test("a configuration that cannot be made leaves what is known and told of the one that is served", async () => {
  const models = { m: { targets: [{ provider: "p", model: "x" }] } };
  await using rig = startHouse({ providers: { p: at(), q: at() }, models });
  const { house } = rig;
  upstream.otherwise(failure(401));
  await rig.post("m");
  upstream.otherwise(failure(500));
  await rig.post("m");
  const before = JSON.stringify(house.lasting.health.views());
  const missing = join(import.meta.dir, "there-is-no-such.pem");
  const moved = at({ baseUrl: "http://127.0.0.1:9/v1", credentials: [key("new")] });
  const broken = configOf({ providers: { n: at(), p: moved, q: at({ ca: missing }) }, models });
  expect(() => house.swap(broken)).toThrow("there-is-no-such.pem");
  expect(JSON.stringify(house.lasting.health.views())).toBe(before);
  upstream.otherwise(okJson());
  expect(await rig.post("m")).toBe(200);
  expect(rig.credentials()).toEqual(["healthy", "healthy"]);
  house.swap(configOf({ providers: { p: at({ credentials: [key("new"), key("k1")] }) }, models }));
  const [view, ...others] = house.lasting.health.views();
  expect([view?.credentials.map(({ requests }) => requests), others]).toEqual([[0, 2], []]);
});

test.each([
  ["none", false],
  ["full", true],
])("with logging.content %s it is %p that lines and views have an upstream's words", async (content, isKept) => {
  const models = { m: { targets: [{ provider: "a", model: "x" }] } };
  await using rig = startHouse({ providers: { a: at() }, models, content });
  upstream.otherwise(failure(500, { message: "cannot process: 'My secret prompt'" }));
  for (let count = 0; count < 5; count += 1) await rig.post("m");
  expect(rig.lines.filter((line) => line.startsWith("a / x fails"))).toHaveLength(1);
  expect(rig.lines.join().includes("My secret prompt")).toBe(isKept);
  expect(JSON.stringify(rig.house.lasting.health.views()).includes("My secret prompt")).toBe(isKept);
});

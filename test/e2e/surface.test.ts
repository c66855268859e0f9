import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { errorOf, postChat, type Data } from "../support/chat.ts";
import { startRig, until } from "../support/e2e.ts";
import { startGateway } from "../support/gateway.ts";
import { metric, parseMetrics } from "../support/metrics.ts";
import { failure, hangBeforeHeaders, listedModel, modelList, ordinaryReply } from "../support/replies.ts";

const many = Array.from({ length: 23 }, (_, index) => listedModel(`vendor/model-${index}`));
const { upstream, gateway, ...rig } = await startRig({
  env: { OR_DEFAULT_MODEL: "vendor/model-7" },
  upstream: { models: modelList(many, 10) },
});
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

const readJson = async (path: string) => (await (await fetch(`${gateway.origin}${path}`)).json()) as Data;
const listed = async () => (await readJson("/v1/models"))["data"] as Data[];

describe("/v1/models", () => {
  test("lists orcestator with the fields that were promised", async () => {
    const list = await readJson("/v1/models");
    expect(list["object"]).toBe("list");
    const [own] = (list["data"] as Data[]).filter(({ id }) => id === "orcestator");
    expect(own).toMatchObject({
      id: "orcestator",
      object: "model",
      owned_by: "orcestator",
      permission: [],
      root: "orcestator",
      parent: null,
    });
    expect(own?.["created"]).toBeNumber();
  });

  test("lists all pages of the upstream's models, and what is known of them", async () => {
    await until(async () => (await listed()).length >= 24, "upstream models in the list");
    const models = await listed();
    expect(new Set(models.map(({ id }) => id)).size).toBe(models.length);
    expect(models.map(({ id }) => id)).toContain("vendor/model-22");
    const text = JSON.stringify(models.find(({ id }) => id === "vendor/model-3"));
    expect(text).toContain("128000");
    expect(text).toContain("16384");
    const own = JSON.stringify(models.find(({ id }) => id === "orcestator"));
    expect(own).toContain("128000");
  });

  test("answers for one model, with and without an escaped slash in its name", async () => {
    await until(async () => (await listed()).length >= 24, "upstream models in the list");
    for (const path of ["/v1/models/orcestator", "/v1/models/vendor/model-3", "/v1/models/vendor%2Fmodel-3"]) {
      expect(await readJson(path)).toMatchObject({ object: "model" });
    }
    const missing = await fetch(`${gateway.url}/models/no/such-model`);
    expect(missing.status).toBe(404);
    expect(await errorOf(missing)).toMatchObject({ code: "model_not_found" });
  });

  test("never waits for an upstream that hangs or fails", async () => {
    for (const models of [hangBeforeHeaders, failure(500)]) {
      await using other = await startRig({ upstream: { models } });
      const startedAt = performance.now();
      const list = (await (await fetch(`${other.gateway.url}/models`)).json()) as { data: Data[] };
      expect(list.data.map(({ id }) => id)).toContain("orcestator");
      expect(performance.now() - startedAt).toBeLessThan(500);
    }
  });
});

describe("/metrics", () => {
  test("counts requests, tokens, latencies and attempts with bounded labels", async () => {
    await using own = await startRig({ env: { OR_DEFAULT_MODEL: "vendor/a" } });
    own.upstream.set("vendor/bad", failure(400));
    const read = async () => parseMetrics(await (await fetch(`${own.gateway.origin}/metrics`)).text());
    await (await postChat(own.gateway, { model: "vendor/bad" })).text();
    own.upstream.set("vendor/a", [failure(503), ordinaryReply()]);
    await (await postChat(own.gateway, { model: "orcestator" })).text();
    await (await postChat(own.gateway, { model: "orcestator", stream: true })).text();
    for (let index = 0; index < 30; index += 1)
      await (await postChat(own.gateway, { model: `made-up/${index}` })).text();
    await until(async () => (metric(await read(), "orcestator_requests_total") ?? 0) >= 33, "33 counted requests");
    const samples = await read();
    expect(metric(samples, "orcestator_requests_total")).toBe(33);
    expect(metric(samples, "orcestator_requests_total", { model: "orcestator", status: "200" })).toBe(2);
    expect(metric(samples, "orcestator_requests_total", { model: "other", status: "400" })).toBe(1);
    expect(metric(samples, "orcestator_requests_total", { provider: "openrouter", status: "200" })).toBe(32);
    expect(metric(samples, "orcestator_prompt_tokens_total")).toBe(32 * 12);
    expect(metric(samples, "orcestator_completion_tokens_total")).toBe(32 * 7);
    expect(metric(samples, "orcestator_request_latency_seconds_count")).toBe(33);
    expect(metric(samples, "orcestator_active_requests")).toBe(0);
    expect(metric(samples, "orch_requests_total")).toBe(33);
    expect(metric(samples, "orch_request_latency_seconds_count")).toBe(33);
    const names = new Set(samples.map(({ name }) => name));
    expect(await (await fetch(`${own.gateway.origin}/metrics`)).text()).toMatch(
      /^# TYPE orcestator_\w*drop\w* counter$/m,
    );
    expect([...names].some((name) => /first_token.*_count$/.test(name))).toBe(true);
    expect([...names].some((name) => /attempts/.test(name))).toBe(true);
    expect([...names].some((name) => /overhead.*_count$/.test(name))).toBe(true);
    expect(names.has("process_resident_memory_bytes")).toBe(true);
    expect(samples.filter(({ labels }) => labels["model"]?.startsWith("made-up"))).toEqual([]);
  });

  test("shows a running request as active", async () => {
    upstream.set("vendor/hang", hangBeforeHeaders);
    const controller = new AbortController();
    const answer = postChat(gateway, { model: "vendor/hang" }, { signal: controller.signal }).catch(() => undefined);
    await upstream.waitFor(({ model }) => model === "vendor/hang");
    const samples = parseMetrics(await (await fetch(`${gateway.origin}/metrics`)).text());
    expect(metric(samples, "orcestator_active_requests")).toBe(1);
    controller.abort();
    await answer;
  });

  test("are on a port of their own too", async () => {
    const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const port = String(probe.port);
    await probe.stop(true);
    await using own = await startGateway({ args: ["--metrics-port", port] });
    await own.waitForOutput(/metrics/i);
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.headers.get("content-type")).toContain("text/plain");
    expect(await response.text()).toContain("orcestator_active_requests");
    expect((await fetch(`http://127.0.0.1:${port}/v1/models`)).status).toBe(404);
  });
});

describe("the rest of the surface", () => {
  test("health answers on all its names", async () => {
    for (const path of ["/health", "/healthz", "/health/live", "/health/ready"]) {
      const response = await fetch(`${gateway.origin}${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toContain("json");
      expect(JSON.stringify(await response.json())).not.toContain("sk-or-test");
    }
  });

  test("the API's description is complete and needs no other server", async () => {
    const description = (await readJson("/swagger/json")) as { paths: Record<string, Data>; openapi: string };
    expect(description.openapi).toStartWith("3.");
    const paths = Object.keys(description.paths).join("\n");
    for (const path of ["/v1/chat/completions", "/v1/models", "/health", "/metrics"]) expect(paths).toContain(path);
    expect(JSON.stringify(description.paths["/v1/chat/completions"])).toContain("messages");
    expect(JSON.stringify(description)).not.toMatch(/"_zod"|"_def"/);
    for (const path of ["/swagger", "/docs"]) {
      const page = await fetch(`${gateway.origin}${path}`);
      const html = await page.text();
      expect(page.status).toBe(200);
      expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
      const assets = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, target = ""]) => new URL(target, page.url));
      expect(assets.length).toBeGreaterThan(0);
      for (const asset of assets) {
        const response = await fetch(asset);
        await response.bytes();
        expect({ asset: asset.pathname, status: response.status }).toEqual({ asset: asset.pathname, status: 200 });
      }
    }
  });

  test("HEAD says of every answer what GET does, its length too", async () => {
    for (const path of ["/health", "/v1/models", "/v1/models/orcestator", "/v1/models/none", "/docs", "/nowhere"]) {
      const [get, head] = await Promise.all(
        ["GET", "HEAD"].map((method) => fetch(`${gateway.origin}${path}`, { method })),
      );
      const length = String((await get?.bytes())?.length);
      expect({
        path,
        status: head?.status,
        length: head?.headers.get("content-length"),
        body: await head?.text(),
      }).toEqual({ path, status: get?.status, length, body: "" });
    }
  });

  test.each([
    ["GET", "/api/nothing", 404],
    ["GET", "/api/", 404],
    ["GET", "/api/keysx", 404],
    ["GET", "/api/chatter", 404],
    ["GET", "/api/keys/a/b", 404],
    ["GET", "/api/config", 404],
    ["PUT", "/api/keys", 405],
    ["DELETE", "/api/providers", 405],
    ["POST", "/api/stats", 405],
    ["PUT", "/api/keys/key_1", 405],
    ["GET", "/api/keys/key_1/rotate", 405],
    ["PATCH", "/api/keys/", 404],
  ])("%s %s, which is the admin API's, is refused in the admin API's form", async (method, path, status) => {
    const response = await fetch(`${gateway.origin}${path}`, { method });
    const code = status === 404 ? "not_found" : "method_not_allowed";
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
    expect(response.headers.has("allow")).toBe(status === 405);
  });

  test.each([
    ["GET", "/api/chat", 405],
    ["PUT", "/api/tags", 405],
    ["POST", "/api/pull", 404],
    ["DELETE", "/api/delete", 404],
    ["POST", "/api/blobs/sha256:00", 404],
  ])("%s %s, which is Ollama's, is refused in Ollama's form", async (method, path, status) => {
    const response = await fetch(`${gateway.origin}${path}`, { method });
    expect([response.status, await response.json()]).toEqual([status, { error: expect.any(String) }]);
  });

  test("probes answer", async () => {
    for (const path of ["/", "/api/hello"]) {
      expect((await fetch(`${gateway.origin}${path}`, { method: "HEAD" })).status).toBe(200);
    }
  });

  test("answers carry a request id and no trace of the software behind", async () => {
    const response = await postChat(gateway, { model: "vendor/a" });
    await response.text();
    expect(response.headers.get("x-request-id")).toMatch(/^req_[A-Za-z0-9]{24}$/);
    expect(response.headers.get("x-powered-by")).toBeNull();
  });
});

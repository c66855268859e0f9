import { afterAll, describe, expect, test } from "bun:test";
import { exchangeRaw } from "../support/raw-client.ts";
import { until } from "../support/e2e.ts";
import { credential, startTranslationRig } from "./translation-rig.ts";

type Fields = Record<string, unknown>;

const key = "client-key-0001";
const open = await startTranslationRig({
  config: { models: { "vendor/slashed": { targets: [{ provider: "claude", model: "plain" }] } } },
  providersOf: (origin) => ({
    listed: {
      type: "gemini",
      baseUrl: origin,
      credentials: [credential],
      acceptsAnyModel: true,
      listModels: true,
    },
  }),
});
const keyed = await startTranslationRig({ config: { keys: { inbound: [key] } } });
afterAll(() => Promise.all([open[Symbol.asyncDispose](), keyed[Symbol.asyncDispose]()]));
const { gateway } = open;

const anthropic = { "anthropic-version": "2023-06-01" };

async function read(path: string, headers: Record<string, string> = {}): Promise<Fields> {
  const response = await fetch(`${gateway.origin}${path}`, { headers });
  expect({ path, status: response.status }).toEqual({ path, status: 200 });
  expect(response.headers.get("content-type")).toStartWith("application/json");
  return (await response.json()) as Fields;
}

function idsOf(list: unknown, field = "id"): string[] {
  return (list as Fields[]).map((model) => String(model[field]));
}

// The upstream's list is read behind the start.
await until(async () => idsOf((await read("/v1/models"))["data"]).includes("vision"), "the upstream's models");
const all = idsOf((await read("/v1/models"))["data"]);

describe("the list of models", () => {
  test("is OpenAI's on OpenAI's path", async () => {
    const list = await read("/v1/models");
    expect(list["object"]).toBe("list");
    expect(all).toContain("claude-plain");
    expect(new Set(all).size).toBe(all.length);
    expect((list["data"] as Fields[])[0]).toMatchObject({ object: "model", owned_by: "orcestator" });
  });

  test("is Anthropic's for who names its version, page by page in both directions", async () => {
    const first = await read("/v1/models", anthropic);
    expect(Object.keys(first).toSorted()).toEqual(["data", "first_id", "has_more", "last_id"]);
    expect((first["data"] as Fields[])[0]).toMatchObject({ type: "model", id: all[0], display_name: all[0] });
    expect(Date.parse(String((first["data"] as Fields[])[0]?.["created_at"]))).toBeNumber();
    expect(idsOf(first["data"])).toEqual(all.slice(0, 20));
    const forward: string[] = [];
    for (let after = ""; ;) {
      const page = await read(`/v1/models?limit=7${after}`, anthropic);
      forward.push(...idsOf(page["data"]));
      expect(page).toMatchObject({ first_id: idsOf(page["data"])[0], last_id: idsOf(page["data"]).at(-1) });
      if (page["has_more"] !== true) break;
      after = `&after_id=${encodeURIComponent(page["last_id"] as string)}`;
    }
    expect(forward).toEqual(all);
    const before = encodeURIComponent(String(all[10]));
    const back = await read(`/v1/models?limit=4&before_id=${before}`, anthropic);
    expect(idsOf(back["data"])).toEqual(all.slice(6, 10));
    expect(back["has_more"]).toBe(true);
    expect(idsOf((await read("/v1/models?limit=1000", anthropic))["data"])).toEqual(all);
    for (const odd of ["limit=0", "limit=-3", "limit=x", "limit=1e9", "after_id=nobody"])
      expect(idsOf((await read(`/v1/models?${odd}`, anthropic))["data"])[0]).toBe(String(all[0]));
  });

  test("is Gemini's on Gemini's path, page by page, and for Google's SDK on the other too", async () => {
    const forward: string[] = [];
    for (let token = ""; ;) {
      const page = await read(`/v1beta/models?pageSize=9${token}`);
      forward.push(...idsOf(page["models"], "name"));
      if (page["nextPageToken"] === undefined) break;
      token = `&pageToken=${encodeURIComponent(page["nextPageToken"] as string)}`;
    }
    expect(forward).toEqual(all.map((id) => `models/${id}`));
    expect(((await read("/v1beta/models"))["models"] as Fields[]).length).toBe(Math.min(50, all.length));
    const [model] = (await read("/v1beta/models"))["models"] as Fields[];
    expect(model).toMatchObject({ displayName: all[0], inputTokenLimit: expect.any(Number) as unknown });
    expect(model?.["supportedGenerationMethods"]).toContain("generateContent");
    const sdk = await read("/v1/models?pageSize=3", { "x-goog-api-key": "any" });
    expect(idsOf(sdk["models"], "name")).toEqual(all.slice(0, 3).map((id) => `models/${id}`));
    for (const odd of ["pageSize=0", "pageSize=-3", "pageSize=x", "pageToken=x", "pageToken=-1"])
      expect(idsOf((await read(`/v1beta/models?${odd}`))["models"], "name")[0]).toBe(`models/${all[0]}`);
    expect((await read("/v1beta/models?pageToken=100000"))["models"]).toEqual([]);
  });

  test("is Ollama's on Ollama's paths", async () => {
    const { models } = await read("/api/tags");
    expect(idsOf(models, "name")).toEqual(all);
    expect((models as Fields[])[0]).toMatchObject({
      model: all[0],
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      details: { format: "gguf" },
    });
    expect(idsOf((await read("/api/ps"))["models"], "model")).toEqual(all);
  });

  test("is found with a key in the path, and with a slash too many", async () => {
    expect(idsOf((await read("//api/tags"))["models"], "name")).toEqual(all);
    const { origin } = keyed.gateway;
    for (const path of [`/k/${key}/api/tags`, `//k/${key}//api/tags`, `/k/${key}/v1/models`, `/k/${key}/v1beta/models`])
      expect([path, (await fetch(`${origin}${path}`)).status]).toEqual([path, 200]);
    for (const path of ["/api/tags", "//api/tags", "/k/wrong/api/tags", "/v1/models", "/v1beta/models", "/api/ps"]) {
      const response = await fetch(`${origin}${path}`);
      const { error } = (await response.json()) as Fields;
      expect([path, response.status]).toEqual([path, 401]);
      expect(typeof error).toBe(path.includes("/api/") ? "string" : "object");
    }
  });
});

describe("one model", () => {
  test("is shown in each protocol's form, slashes in its name or not", async () => {
    for (const id of ["claude-plain", "vendor/slashed", "vendor%2Fslashed"]) {
      const name = decodeURIComponent(id);
      expect(await read(`/v1/models/${id}`)).toMatchObject({ object: "model", id: name });
      expect(await read(`/v1/models/${id}`, anthropic)).toMatchObject({ type: "model", id: name });
      expect(await read(`/v1beta/models/${id}`)).toMatchObject({ name: `models/${name}` });
    }
  });

  test("is shown by Ollama's name, with or without its tag", async () => {
    for (const body of [
      { model: "claude-plain" },
      { name: "claude-plain" },
      { model: "claude-plain:latest" },
      { model: "vendor/slashed" },
    ]) {
      const response = await fetch(`${gateway.origin}/api/show`, { method: "POST", body: JSON.stringify(body) });
      const shown = (await response.json()) as Fields;
      expect(response.status).toBe(200);
      const info = shown["model_info"] as Fields;
      // Clients look for the length of the context behind the name of the architecture.
      expect(info[`${String(info["general.architecture"])}.context_length`]).toBeNumber();
      expect(shown["capabilities"]).toContain("completion");
      expect(shown["details"]).toBeObject();
    }
  });

  test("that is not there is a 404 in each protocol's words", async () => {
    const openai = await fetch(`${gateway.origin}/v1/models/nobody`);
    expect([openai.status, await openai.json()]).toMatchObject([404, { error: { code: "model_not_found" } }]);
    const gemini = await fetch(`${gateway.origin}/v1beta/models/nobody`);
    expect([gemini.status, await gemini.json()]).toMatchObject([404, { error: { code: 404, status: "NOT_FOUND" } }]);
    for (const body of [{ model: "nobody" }, { model: "" }]) {
      const ollama = await fetch(`${gateway.origin}/api/show`, { method: "POST", body: JSON.stringify(body) });
      expect([ollama.status, await ollama.json()]).toMatchObject([404, { error: expect.any(String) as unknown }]);
    }
    for (const body of ["", "{", "[]", "{}"]) {
      const ollama = await fetch(`${gateway.origin}/api/show`, { method: "POST", body });
      expect([body, ollama.status]).toEqual([body, 400]);
      expect(await ollama.json()).toMatchObject({ error: expect.any(String) as unknown });
    }
  });

  test("in Anthropic's words, for who speaks them", async () => {
    const response = await fetch(`${gateway.origin}/v1/models/nobody`, { headers: anthropic });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { type: "error", error: { type: "not_found_error" } },
    ]);
  });
});

describe("probes", () => {
  test("Ollama's version is one that clients take", async () => {
    const { version } = await read("/api/version");
    expect(Bun.semver.order(String(version), "0.6.4")).toBeGreaterThanOrEqual(0);
    const page = await fetch(`${gateway.origin}/`);
    expect(await page.text()).toStartWith("Ollama is running");
  });

  test.each(["/", "/api/version", "/api/tags", "/api/ps", "/v1/models", "/v1beta/models", "/v1/models/nobody"])(
    "HEAD %s says what GET does, without a body",
    async (path) => {
      const [get, head] = await Promise.all(
        ["GET", "HEAD"].map((method) => fetch(`${gateway.origin}${path}`, { method })),
      );
      await get?.text();
      expect([head?.status, await head?.text()]).toEqual([get?.status, ""]);
      const type = get?.headers.get("content-type") ?? "";
      if (type.includes("json")) expect(head?.headers.get("content-type")).toBe(type);
    },
  );

  test("HEAD ends at once on a connection that stays", async () => {
    const head = "HEAD /api/version HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    const get = "GET /api/version HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    const { text } = await exchangeRaw(gateway.port, head + get);
    expect(text.split("HTTP/1.1 200").length).toBe(2);
    expect(text).toContain('"version"');
  });
});

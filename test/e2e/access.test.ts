import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { errorOf, postChat } from "../support/chat.ts";
import { exchangeRaw, postBytes } from "../support/raw-client.ts";
import { startRig } from "../support/e2e.ts";

const secrets = ["alpha-key-1234", "beta-key-5678", "wrong-key-0000"];
const keyed = await startRig({
  env: {
    ORCH_INBOUND_API_KEYS: "alpha-key-1234,beta-key-5678",
    ORCH_API_KEY_HEADER: "x-team-key",
    ORCH_CORS_ALLOW_ORIGINS: "https://app.example, https://other.example",
    AUTH_TOKEN: "admin-token-99",
  },
  upstream: { secrets },
});
const open = await startRig({ upstream: { secrets } });
const closed = await startRig({ env: { OR_ANONYMOUS: "none" } });
const rigs = [keyed, open, closed];
beforeEach(() => rigs.forEach(({ upstream }) => upstream.clear()));
afterAll(() => Promise.all(rigs.map((rig) => rig[Symbol.asyncDispose]())));

/** The same key, in each place where a client may put it. */
function carriers(key: string): Record<string, { path?: string; headers?: Record<string, string> }> {
  return {
    "Authorization: Bearer": { headers: { authorization: `Bearer ${key}` } },
    "authorization: bearer": { headers: { authorization: `bearer ${key}` } },
    "x-api-key": { headers: { "x-api-key": key } },
    "api-key": { headers: { "api-key": key } },
    "x-goog-api-key": { headers: { "x-goog-api-key": key } },
    "the configured header": { headers: { "x-team-key": key } },
    "?key=": { path: `/v1/chat/completions?key=${key}` },
    "a path prefix": { path: `/k/${key}/v1/chat/completions` },
    "a path prefix, with double slashes": { path: `//k/${key}//v1//chat/completions` },
    "x-api-key beside an empty Bearer": { headers: { authorization: "Bearer ", "x-api-key": key } },
    "a path prefix beside an empty Bearer": {
      headers: { authorization: "Bearer " },
      path: `/k/${key}/v1/chat/completions`,
    },
  };
}

function chatRaw(rig: typeof keyed, options: { path?: string; headers?: Record<string, string>; model?: string } = {}) {
  const { path = "/v1/chat/completions", headers = {}, model = "vendor/a" } = options;
  return exchangeRaw(rig.gateway.port, postBytes(path, JSON.stringify({ model, messages: [] }), headers));
}

function getRaw(rig: typeof keyed, path: string, headers: Record<string, string> = {}, version = "HTTP/1.1") {
  const merged = { host: `127.0.0.1:${rig.gateway.port}`, connection: "close", ...headers };
  const lines = Object.entries(merged).map(([name, value]) => `${name}: ${value}\r\n`);
  return exchangeRaw(rig.gateway.port, `GET ${path} ${version}\r\n${lines.join("")}\r\n`);
}

describe("with inbound keys", () => {
  for (const [where, place] of Object.entries(carriers("alpha-key-1234"))) {
    test(`a right key is read from ${where}`, async () => {
      const response = await chatRaw(keyed, place);
      expect(response.status).toBe(200);
      expect(keyed.upstream.violations).toEqual([]);
      expect(keyed.upstream.requests[0]?.headers["authorization"]).toBe("Bearer sk-or-test");
    });
  }
  for (const [where, place] of Object.entries(carriers("wrong-key-0000"))) {
    test(`a wrong key is refused from ${where}`, async () => {
      const response = await chatRaw(keyed, place);
      expect(response.status).toBe(401);
      expect(response.text).toContain(`"code":"invalid_api_key"`);
      expect(response.text).not.toContain("wrong-key-0000");
      expect(keyed.upstream.requests).toHaveLength(0);
    });
  }

  test("no key, an empty one and near misses are refused", async () => {
    const misses = [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "Bearer  ",
      "Basic alpha-key-1234",
      "Bearer alpha-key-123",
      "Bearer alpha-key-12345",
      "Bearer ALPHA-KEY-1234",
      "Bearer alpha-key-1234,beta-key-5678",
    ];
    for (const authorization of misses) {
      const response = await chatRaw(keyed, authorization === undefined ? {} : { headers: { authorization } });
      expect({ authorization, status: response.status }).toEqual({ authorization, status: 401 });
    }
    expect(keyed.upstream.requests).toHaveLength(0);
  });

  test("every key of the list and the admin token open inference", async () => {
    for (const key of ["alpha-key-1234", "beta-key-5678", "admin-token-99"]) {
      const response = await postChat(
        keyed.gateway,
        { model: "vendor/a" },
        { headers: { authorization: `Bearer ${key}` } },
      );
      await response.text();
      expect(response.status).toBe(200);
    }
  });

  test("lists, and metrics too, need the key; health and probes do not", async () => {
    for (const path of ["/v1/models", "/v1/models/orcestator", "/metrics"]) {
      expect((await getRaw(keyed, path)).status).toBe(401);
      expect((await getRaw(keyed, path, { authorization: "Bearer beta-key-5678" })).status).toBe(200);
    }
    for (const path of ["/health", "/healthz", "/health/live", "/health/ready"]) {
      expect((await getRaw(keyed, path)).status).toBe(200);
    }
    for (const path of ["/", "/api/hello"]) {
      const response = await fetch(`${keyed.gateway.origin}${path}`, { method: "HEAD" });
      expect(response.status).toBe(200);
    }
  });

  test("a caller with a right key may sit behind a proxy and call from a page", async () => {
    const headers = {
      authorization: "Bearer alpha-key-1234",
      "x-forwarded-for": "203.0.113.9",
      origin: "https://page.example",
      host: "gateway.example",
    };
    const response = await chatRaw(keyed, { headers });
    expect(response.status).toBe(200);
  });

  test("no key is ever written down", async () => {
    await chatRaw(keyed, { path: "/k/alpha-key-1234/v1/chat/completions", model: "vendor/logged" });
    await chatRaw(keyed, { path: "/v1/chat/completions?key=wrong-key-0000", model: "vendor/logged" });
    await getRaw(keyed, "/k/alpha-key-1234/v1/nothing-here?key=beta-key-5678");
    await keyed.gateway.trafficLines(1, ({ originalModel }) => originalModel === "vendor/logged");
    const metrics = await getRaw(keyed, "/metrics", { authorization: "Bearer alpha-key-1234" });
    const everything = [
      keyed.gateway.stdout(),
      keyed.gateway.stderr(),
      await Bun.file(keyed.gateway.trafficLog).text(),
      metrics.text,
    ];
    for (const secret of [...secrets, "sk-or-test", "admin-token-99"])
      expect(everything.join("\n")).not.toContain(secret);
  });
});

const preflight = (origin: string) =>
  fetch(`${keyed.gateway.url}/chat/completions`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, content-type, x-team-key",
    },
  });

describe("CORS", () => {
  test("a listed origin passes the preflight, and may read answers and errors", async () => {
    const response = await preflight("https://app.example");
    expect(response.status).toBeLessThan(300);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    const allowed = (response.headers.get("access-control-allow-headers") ?? "").toLowerCase();
    for (const name of ["authorization", "content-type", "x-team-key"])
      expect(allowed === "*" ? name : allowed).toContain(name);
    expect(response.headers.get("vary")?.toLowerCase()).toContain("origin");
    for (const authorization of ["Bearer alpha-key-1234", "Bearer wrong-key-0000"]) {
      for (const stream of [true, false]) {
        const headers = { origin: "https://other.example", authorization };
        const answer = await postChat(keyed.gateway, { model: "vendor/a", stream }, { headers });
        await answer.text();
        expect(answer.headers.get("access-control-allow-origin")).toBe("https://other.example");
      }
    }
  });

  test("other origins get no permission", async () => {
    const origins = [
      "https://evil.example",
      "null",
      "https://app.example.evil.example",
      "https://app.example:8443",
      "http://app.example",
    ];
    for (const origin of origins) {
      const response = await preflight(origin);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(response.status).toBeLessThan(500);
    }
  });
});

describe("without inbound keys", () => {
  test("a local caller is served, with or without any key", async () => {
    const cases: Record<string, string>[] = [
      {},
      { authorization: "Bearer " },
      { authorization: "Bearer whatever" },
      { "x-api-key": "whatever" },
    ];
    for (const headers of cases) expect((await chatRaw(open, { headers })).status).toBe(200);
    expect(open.upstream.violations).toEqual([]);
  });

  const refused: Record<string, Record<string, string>> = {
    "X-Forwarded-For": { "x-forwarded-for": "127.0.0.1" },
    "an empty X-Forwarded-For": { "x-forwarded-for": "" },
    Forwarded: { forwarded: "for=127.0.0.1" },
    "a foreign Origin": { origin: "https://evil.example" },
    "a foreign local Origin": { origin: "http://localhost:1" },
    "the Origin null": { origin: "null" },
    "Sec-Fetch-Site: cross-site": { "sec-fetch-site": "cross-site" },
    "a Host that is not local": { host: "evil.example" },
    "a Host that looks local": { host: "localhost.evil.example" },
    "a Host that begins like an address": { host: "127.0.0.1.evil.example:8000" },
    "a short Host": { host: "x" },
    "an address that is not ours": { host: "192.0.2.1" },
  };
  for (const [what, headers] of Object.entries(refused)) {
    test(`a request with ${what} is refused`, async () => {
      const response = await chatRaw(open, { headers });
      expect([400, 401, 403]).toContain(response.status);
      expect(JSON.parse(response.text)).toMatchObject({ error: { message: expect.any(String) as string } });
      expect(open.upstream.requests).toHaveLength(0);
    });
  }

  test("local names and the gateway's own page are not foreign", async () => {
    const { port } = open.gateway;
    const hosts = [`localhost:${port}`, "localhost", `127.0.0.1:${port}`, `[::1]:${port}`, "LOCALHOST", "127.0.0.2"];
    for (const host of hosts)
      expect({ host, status: (await chatRaw(open, { headers: { host } })).status }).toEqual({ host, status: 200 });
    const own = { host: `localhost:${port}`, origin: `http://localhost:${port}`, "sec-fetch-site": "same-origin" };
    expect((await chatRaw(open, { headers: own })).status).toBe(200);
  });

  test("OR_ANONYMOUS=none refuses even local callers, and says what to change", async () => {
    const response = await postChat(closed.gateway, { model: "vendor/a" });
    expect(response.status).toBe(401);
    const error = await errorOf(response);
    expect(error.code).toBe("invalid_api_key");
    expect(error.message).toMatch(/OR_ANONYMOUS|server\.anonymous|ORCH_INBOUND_API_KEYS|keys\.inbound/);
    expect(closed.upstream.requests).toHaveLength(0);
  });

  test("AUTH_TOKEN alone does not end anonymous inference", async () => {
    await using rig = await startRig({ env: { AUTH_TOKEN: "admin-token-99" } });
    const response = await postChat(rig.gateway, { model: "vendor/a" });
    await response.text();
    expect(response.status).toBe(200);
  });
});

describe("paths and hosts", () => {
  const key = { authorization: "Bearer alpha-key-1234" };

  test("double slashes are collapsed", async () => {
    for (const path of ["//v1//models", "/v1//models", "//v1/models"])
      expect((await getRaw(keyed, path, key)).status).toBe(200);
    expect((await chatRaw(keyed, { path: "//v1//chat//completions", headers: key })).status).toBe(200);
  });

  test("a query is ignored", async () => {
    expect((await getRaw(keyed, "/v1/models?client_version=1.2.3&limit=1000", key)).status).toBe(200);
    expect((await chatRaw(keyed, { path: "/v1/chat/completions?beta=true", headers: key })).status).toBe(200);
  });

  test("an unknown path is a 404 with an error body, a wrong method a 404 or 405", async () => {
    const unknown = await getRaw(keyed, "/v1/nothing", key);
    expect(unknown.status).toBe(404);
    expect(JSON.parse(unknown.text)).toMatchObject({ error: { message: expect.any(String) as string } });
    expect([404, 405]).toContain((await getRaw(keyed, "/v1/chat/completions", key)).status);
  });

  const oddHosts = [
    "x",
    "ab",
    "gw",
    "abc",
    "x#",
    "x/",
    "a b",
    "u@x",
    "x?y",
    "[",
    "x:99999",
    "x:abc",
    "[::1",
    "xn--a",
    "",
    "😀",
    "x\\y",
  ];
  test("no Host, however odd, reaches another route than its path says", async () => {
    for (const host of oddHosts) {
      const response = await getRaw(keyed, "/zz/v1/models", { ...key, host });
      expect({ host, isRefused: [400, 404].includes(response.status) }).toEqual({ host, isRefused: true });
      const metrics = await getRaw(keyed, "/z/metrics", { ...key, host });
      expect({ host, isRefused: [400, 404].includes(metrics.status) }).toEqual({ host, isRefused: true });
    }
  });

  test("no Host, however odd, opens a route that needs a key", async () => {
    for (const host of oddHosts) {
      for (const path of ["/v1/models", "/zz/v1/models", "/k/wrong-key-0000/v1/models"]) {
        const response = await getRaw(keyed, path, { host });
        expect({ host, path, isRefused: [400, 401, 404].includes(response.status) }).toEqual({
          host,
          path,
          isRefused: true,
        });
        expect(response.text).not.toContain(`"owned_by"`);
      }
    }
  });

  test("a short Host works with a key", async () => {
    for (const host of ["x", "gw", "gw:3000"]) {
      expect({ host, status: (await getRaw(keyed, "/v1/models", { ...key, host })).status }).toEqual({
        host,
        status: 200,
      });
      const chat = await chatRaw(keyed, { headers: { ...key, host } });
      expect({ host, status: chat.status }).toEqual({ host, status: 200 });
    }
  });

  test("HTTP/1.0 without a Host and an absolute-form target are answered, never with a 5xx", async () => {
    const old = await exchangeRaw(keyed.gateway.port, "GET /v1/models HTTP/1.0\r\n\r\n");
    expect([400, 401, 426, 505]).toContain(old.status);
    const oldWithKey = await exchangeRaw(
      keyed.gateway.port,
      "GET /v1/models HTTP/1.0\r\nauthorization: Bearer alpha-key-1234\r\n\r\n",
    );
    expect(oldWithKey.status).toBeLessThan(500);
    const absolute = await getRaw(keyed, "http://evil.example/v1/models");
    expect([400, 401]).toContain(absolute.status);
  });

  test("a WebSocket upgrade gets 426 at once", async () => {
    const upgrade = {
      ...key,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    for (const path of ["/v1/responses", "/v1/realtime", "/v1/chat/completions"]) {
      const response = await getRaw(keyed, path, { ...upgrade, connection: "Upgrade, close" });
      expect(response.status).toBe(426);
    }
  });

  test("path tricks do not lead around the key", async () => {
    const tricks = [
      "/v1/./models",
      "/v1/%6dodels",
      "/v1/models/",
      "/V1/MODELS",
      "/v1/models;x",
      "/health/../v1/models",
      "/health/%2e%2e/v1/models",
      "/v1%2fmodels",
      "/v1\\models",
      "/k//v1/models",
    ];
    for (const path of tricks) {
      const response = await getRaw(keyed, path);
      expect({ path, isRefused: [400, 401, 404].includes(response.status) }).toEqual({ path, isRefused: true });
    }
  });
});

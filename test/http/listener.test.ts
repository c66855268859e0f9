import { afterAll, beforeEach, expect, test } from "bun:test";
import { createAccess } from "../../src/http/access.ts";
import { createStoredResponses } from "../../src/gateway/stored-responses.ts";
import { createApp } from "../../src/http/app.ts";
import { createConnections } from "../../src/http/connections.ts";
import { createCors } from "../../src/http/cors.ts";
import { createListener } from "../../src/http/listener.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";
import { createRequestRing } from "../../src/telemetry/request-ring.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import type { Refusal } from "../../src/telemetry/refusal-log.ts";
import { memoryIdentity } from "../support/key-house.ts";

const bugs: unknown[] = [];
const refusals: Refusal[] = [];
let isClosed = false;
let markFails = false;
beforeEach(() => {
  bugs.length = 0;
  refusals.length = 0;
  isClosed = false;
  markFails = false;
});

const broken = new Error("sk-secret of the insides");
const none = createKeyRing([]);
const connections = createConnections(10);
const metrics = createMetrics({ isKnownModel: () => false, queueDepth: () => 0, sinks: [] });
const access = createAccess({
  anonymous: "loopback",
  cors: [],
  overrides: "keys",
  keyHeader: "x-api-key",
  inboundKeys: none,
  adminKeys: none,
  connections,
});
const app = createApp(
  {
    server: { maxBodyBytes: 1000, bodyTimeout: 1000, heartbeat: 15_000, passthrough: true },
    gateway: {
      handle: () => Promise.reject(broken),
      forwardOpenai: () => Promise.reject(broken),
      forwardOpaque: () => Promise.reject(broken),
      keeperOfResponses: () => undefined,
      embed: () => Promise.reject(broken),
      countTokens: () => Promise.reject(broken),
      overload: () => undefined,
      load: { requests: 0 },
      responses: createStoredResponses(undefined),
      active: () => 0,
      stop: () => undefined,
    },
    access,
    connections,
    metrics,
    models() {
      throw broken;
    },
    providerHealth: () => [],
    prices: () => ({ prices: [], table: { source: "bundled", asOf: "2026-09-23" } }),
    requests: { ring: createRequestRing(), stored: undefined },
    readiness: () => ({ isReady: true, reasons: [], notices: [] }),
    onRefusal: (refusal) => void refusals.push(refusal),
    admin: undefined,
    configuration: undefined,
    identity: memoryIdentity(),
    tail: undefined,
  },
  (error) => void bugs.push(error),
);
const cors = createCors(["https://app.test"]);
const server = createListener({
  hostname: "127.0.0.1",
  port: 0,
  idleSeconds: 10,
  app,
  connections,
  cors: {
    ...cors,
    mark(request, response) {
      if (markFails) throw broken;
      cors.mark(request, response);
    },
  },
  isClosed: () => isClosed,
});
afterAll(() => server.stop(true));

const origin = `http://127.0.0.1:${server.port}`;

test("what a route throws by mistake is reported, and answered with a bare 500", async () => {
  for (const [path, init] of [
    ["/v1/models", {}],
    ["/v1/chat/completions", { method: "POST", body: "{}" }],
  ] as const) {
    bugs.length = 0;
    const response = await fetch(origin + path, init);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: { code: "internal_error", type: "server_error" } });
    expect(bugs).toEqual([broken]);
  }
  expect(refusals).toEqual([]);
});

test("a page of another origin may use every method that some path takes", async () => {
  const headers = { origin: "https://app.test", "access-control-request-method": "PATCH" };
  const preflight = await fetch(`${origin}/api/keys/x`, { method: "OPTIONS", headers });
  const allowed = preflight.headers.get("access-control-allow-methods")?.split(", ") ?? [];
  const served = app.routes.map(({ method }) => method);
  expect(served).toContain("PATCH");
  expect([...served, "HEAD"].filter((method) => !allowed.includes(method))).toEqual([]);
});

test("so is what the door itself throws", async () => {
  markFails = true;
  const response = await fetch(`${origin}/health`);
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).toContain("internal_error");
  expect(text).not.toContain("sk-secret");
  expect(bugs).toEqual([broken]);
});

test("a closed gateway's refusal is told as well", async () => {
  isClosed = true;
  const response = await fetch(`${origin}/k/secret-key/v1/models`);
  expect([response.status, response.headers.get("connection")]).toEqual([503, "close"]);
  expect(refusals).toEqual([
    expect.objectContaining({ status: 503, code: "draining", path: "/k/…/v1/models", address: "127.0.0.1" }) as Refusal,
  ]);
});

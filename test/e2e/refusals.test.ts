import { afterAll, describe, expect, test } from "bun:test";
import { startRig, until, type Rig } from "../support/e2e.ts";
import type { Gateway } from "../support/gateway.ts";
import { metric, parseMetrics } from "../support/metrics.ts";
import { connectRaw, exchangeRaw, postBytes } from "../support/raw-client.ts";

const right = { authorization: "Bearer alpha-key-1234" };
const start = (): Promise<Rig> =>
  startRig({
    configText: (url) => `
server: {maxBodyBytes: 4096, bodyTimeout: 50ms}
keys: {inbound: [alpha-key-1234]}
providers:
  main: {type: openrouter, baseUrl: "${url}", credentials: [sk-or-test], acceptsAnyModel: true}
`,
  });
// Several, since each writes no more than ten refusals a second on its console.
const [first, second, stormed] = await Promise.all([start(), start(), start()]);
afterAll(() => Promise.all([first, second, stormed].map((rig) => rig[Symbol.asyncDispose]())));

async function samplesOf({ origin }: Gateway) {
  return parseMetrics(await (await fetch(`${origin}/metrics`, { headers: right })).text());
}

async function refusedBy(gateway: Gateway): Promise<Record<string, number>> {
  const samples = (await samplesOf(gateway)).filter(({ name }) => name === "orcestator_refused_requests_total");
  return Object.fromEntries(samples.map(({ labels, value }) => [labels["status"] ?? "", value]));
}

type Send = (gateway: Gateway) => Promise<number>;

function request(method: string, path: string, headers: Record<string, string> = {}): Send {
  return async ({ origin }) => {
    const body = method === "POST" ? "{}" : null;
    const response = await fetch(`${origin}${path}`, { method, headers, body });
    await response.arrayBuffer();
    return response.status;
  };
}

function raw(bytes: string): Send {
  return async ({ port }) => (await exchangeRaw(port, bytes)).status;
}

interface Refused {
  send: Send;
  status: number;
  /** What the console says. */
  line: string;
}

const chatPath = "/v1/chat/completions";
const unfinished = `POST ${chatPath} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer alpha-key-1234\r\ncontent-length: 10\r\n\r\n{`;
const keyed = "/k/wrong-key-0000";
const from = "from 127.0.0.1";

const byRoutes: Refused[] = [
  {
    send: request("POST", chatPath),
    status: 401,
    line: `POST ${chatPath} · ${from} · invalid_api_key: This gateway needs a key`,
  },
  {
    send: request("POST", `/${keyed}${chatPath}?key=wrong-key-0000`),
    status: 401,
    line: `POST ${chatPath} · ${from} · invalid_api_key: The key is not known here`,
  },
  { send: request("GET", "/v1/models"), status: 401, line: `GET /v1/models · ${from} · invalid_api_key` },
  { send: request("HEAD", "/v1/models/a"), status: 401, line: `HEAD /v1/models/a · ${from} · invalid_api_key` },
  { send: request("GET", "/metrics"), status: 401, line: `GET /metrics · ${from} · invalid_api_key` },
  {
    send: request("GET", "/api/logs/tail", right),
    status: 401,
    line: `GET /api/logs/tail · ${from} · invalid_api_key`,
  },
  { send: request("GET", "/v1/models/a", right), status: 404, line: `GET /v1/models/a · ${from} · model_not_found` },
  { send: request("GET", "/nowhere?key=wrong-key-0000"), status: 404, line: `GET /nowhere · ${from} · not_found` },
];
const byBodies: Refused[] = [
  { send: request("DELETE", chatPath), status: 405, line: `DELETE ${chatPath} · ${from} · method_not_allowed` },
  { send: raw(unfinished), status: 408, line: `POST ${chatPath} · ${from} · request_timeout` },
  {
    send: raw(postBytes(chatPath, "x".repeat(5000), right)),
    status: 413,
    line: `POST ${chatPath} · ${from} · request_too_large`,
  },
  {
    send: request("POST", chatPath, { ...right, "content-encoding": "rot13" }),
    status: 415,
    line: `POST ${chatPath} · ${from} · unsupported_media_type`,
  },
  {
    send: request("GET", `${keyed}/v1/realtime`, { upgrade: "websocket", connection: "upgrade" }),
    status: 426,
    line: `GET /k/…/v1/realtime · ${from} · upgrade_required`,
  },
  {
    send: raw(`GET ${keyed}/v1/models?key=wrong-key-0000 HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n`),
    status: 400,
    line: `GET /k/…/v1/models · ${from} · invalid_request: The request's Host`,
  },
  {
    async send({ port }) {
      const client = await connectRaw(port);
      client.send(unfinished);
      await Bun.sleep(10);
      client.leave("rst");
      return 499;
    },
    status: 499,
    line: `POST ${chatPath} · ${from} · client_cancelled`,
  },
];

describe("a refusal outside the gateway is counted once and told on the console:", () => {
  for (const [{ gateway }, refusals] of [
    [first, byRoutes],
    [second, byBodies],
  ] as const)
    for (const { send, status, line } of refusals)
      test(`${status} ${line}`, async () => {
        const before = await refusedBy(gateway);
        expect(await send(gateway)).toBe(status);
        await until(() => gateway.stderr().includes(`${status} ${line}`), line);
        expect(await refusedBy(gateway)).toEqual({ ...before, [status]: (before[status] ?? 0) + 1 });
      });
});

test("it reaches no upstream, counts as no request, and shows no key", async () => {
  for (const { gateway, upstream } of [first, second]) {
    expect(metric(await samplesOf(gateway), "orcestator_requests_total")).toBeUndefined();
    expect(upstream.requests).toHaveLength(0);
    expect(gateway.stderr() + gateway.stdout()).not.toContain("wrong-key-0000");
  }
});

test("a request that reached the gateway is none, however it ends", async () => {
  const before = await refusedBy(first.gateway);
  expect(await raw(postBytes(chatPath, "{", right))(first.gateway)).toBe(400);
  expect(await refusedBy(first.gateway)).toEqual(before);
});

test("a storm of them fills the counter, not the console", async () => {
  const { gateway } = stormed;
  await Promise.all(Array.from({ length: 100 }, (_, index) => request("GET", `/storm/${index}`)(gateway)));
  await until(() => gateway.stderr().includes("more requests were refused within a second (404: "), "their number");
  expect(gateway.stderr().split("GET /storm/").length).toBeLessThan(40);
  expect(await refusedBy(gateway)).toEqual({ 404: 100 });
});

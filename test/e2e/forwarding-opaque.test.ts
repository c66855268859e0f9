import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Behaviour, ReceivedRequest } from "../support/exchange.ts";
import { listenForReplay } from "../support/replay-connection.ts";
import { startGateway } from "../support/gateway.ts";
import { exchangeRaw } from "../support/raw-client.ts";
import { credential, providersAt, recordsOf } from "./translation-rig.ts";

/** Answers of the upstream by path below the base URL; anything else is what it was sent. */
const behaviours = new Map<string, Behaviour>();
const received: ReceivedRequest[] = [];

const echo: Behaviour = (exchange) => {
  const { method, target, headers } = exchange.request;
  const body = JSON.stringify({ method, target, type: headers["content-type"] ?? null });
  exchange.start({ headers: { "content-type": "application/json" } });
  exchange.write(body);
  exchange.end();
};

const listener = await listenForReplay((exchange) => {
  received.push(exchange.request);
  return (behaviours.get(exchange.request.path) ?? echo)(exchange);
});
const key = "client-key-0001";
const gateway = await startGateway({
  configText: JSON.stringify({
    logging: { file: "" },
    storage: { url: "sqlite://audit.db" },
    keys: { inbound: [key] },
    providers: providersAt(listener.origin),
  }),
  env: { OR_API_KEY: undefined },
});
afterAll(async () => {
  await gateway.stop();
  await listener.close();
});
beforeEach(() => {
  behaviours.clear();
  received.length = 0;
});

/** Where each provider's API begins, and the header with its key. */
const providers = {
  chat: { base: "/openai/v1", header: "authorization", value: `Bearer ${credential}` },
  claude: { base: "", header: "x-api-key", value: credential },
  gemini: { base: "", header: "x-goog-api-key", value: credential },
} as const;

const table = Object.entries(providers);

function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string> | undefined) };
  return fetch(`${gateway.origin}/p${path}`, { ...init, headers });
}

function answer(status: number, body: string | Uint8Array, headers: Record<string, string> = {}): Behaviour {
  return (exchange) => {
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    exchange.start({ status, headers: { ...headers, "content-length": String(length) }, framing: "length" });
    exchange.write(body);
    exchange.end();
  };
}

/** Bytes of every value, and no text in any encoding. */
const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8)) % 256);

describe.each(table)("/p/%s/…", (id, { base, header, value }) => {
  test.each(["GET", "POST", "PUT", "PATCH", "DELETE"])("carries %s with its query, but for a key", async (method) => {
    const body = method === "GET" || method === "DELETE" ? undefined : `{"a":1.0,  "b":"\\u00e4"}`;
    const headers = body === undefined ? {} : { "content-type": "application/json; charset=utf-8" };
    const path = `/${id}/v1/things/th_1?limit=2&key=${key}&after=a%20b&x=%26`;
    const response = await send(path, { method, headers, ...(body && { body }) });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    const [request] = received;
    expect(request?.method).toBe(method);
    expect(request?.path).toBe(`${base === "" ? "/v1" : base}/things/th_1`);
    const query = new URLSearchParams(request?.target.split("?")[1]);
    expect([...query]).toEqual([
      ["limit", "2"],
      ["after", "a b"],
      ["x", "&"],
    ]);
    expect(request?.text).toBe(body ?? "");
    if (body !== undefined) expect(request?.headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  test("exchanges the client's key for the provider's, wherever the client put it", async () => {
    const places = [
      { authorization: `Bearer ${key}` },
      { authorization: "Bearer x", "x-api-key": key },
      { authorization: "Bearer x", "x-goog-api-key": key },
      { authorization: "Bearer x", "api-key": key, cookie: "session=1", "x-forwarded-for": "10.0.0.1" },
    ];
    for (const headers of places) await (await send(`/${id}/files`, { headers })).text();
    for (const { headers, headerLines } of received) {
      expect(headers[header]).toBe(value);
      const text = JSON.stringify(headerLines);
      expect(text).not.toContain(key);
      expect(text).not.toContain("session");
      for (const name of ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
        if (name !== header) expect(headers[name]).toBeUndefined();
    }
    expect(received).toHaveLength(places.length);
  });

  test("carries uploads byte for byte, with their boundary", async () => {
    const form = new FormData();
    form.append("purpose", "batch ä");
    form.append("file", new Blob([bytes], { type: "application/octet-stream" }), "data.bin");
    const encoded = new Response(form);
    const type = encoded.headers.get("content-type") ?? "";
    const body = await encoded.bytes();
    await (await send(`/${id}/files`, { method: "POST", headers: { "content-type": type }, body })).text();
    expect(received[0]?.headers["content-type"]).toBe(type);
    expect(Buffer.compare(received[0]?.body ?? new Uint8Array(), body)).toBe(0);
  });

  test("carries downloads byte for byte", async () => {
    const type = { "content-type": "application/octet-stream", "content-disposition": 'attachment; filename="a.bin"' };
    behaviours.set(`${base}/files/f1/content`, answer(200, bytes, type));
    const response = await send(`/${id}/files/f1/content`);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="a.bin"');
    expect(Buffer.compare(await response.bytes(), bytes)).toBe(0);
  });

  test("hands events on as they come, and cancels when the client leaves", async () => {
    behaviours.set(`${base}/events`, (exchange) => {
      exchange.start({ headers: { "content-type": "text/event-stream" } });
      exchange.write("event: first\ndata: 1\n\n");
    });
    const response = await send(`/${id}/events`);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body?.getReader();
    const { value: first } = (await reader?.read()) ?? {};
    expect(Buffer.from(first ?? []).toString()).toBe("event: first\ndata: 1\n\n");
    const leftAt = performance.now();
    await reader?.cancel();
    expect(await received[0]?.ended).toBe("aborted");
    expect((received[0]?.abortedAt ?? Infinity) - leftAt).toBeLessThan(300);
    const requestId = response.headers.get("x-request-id") ?? "";
    const row = (await recordsOf(gateway, [requestId])).get(requestId);
    expect(row).toMatchObject({ operation: "opaque", end_reason: "client_cancelled", status: 499, provider: id });
  });

  test("is cancelled before the headers too", async () => {
    behaviours.set(`${base}/slow`, () => undefined);
    const controller = new AbortController();
    const pending = send(`/${id}/slow`, { signal: controller.signal }).catch(() => undefined);
    while (received.length === 0) await Bun.sleep(5);
    controller.abort();
    await pending;
    expect(await received[0]?.ended).toBe("aborted");
  });

  test.each([400, 404, 409, 422, 500, 503])("passes the upstream's %i on as it is", async (status) => {
    const body = `{"odd":"form of ${status}","ä":[1.0]}`;
    behaviours.set(`${base}/things`, answer(status, body, { "content-type": "application/problem+json" }));
    const response = await send(`/${id}/things`, { method: "POST", body: "{}" });
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(received).toHaveLength(1);
  });

  test.each([401, 403])("keeps the upstream's %i to itself: the key was the gateway's", async (status) => {
    behaviours.set(`${base}/things`, answer(status, `{"error":{"message":"Bad key ${credential}"}}`));
    const response = await send(`/${id}/things`);
    const text = await response.text();
    // OpenAI's clients are told of every final failure as a 503.
    expect(response.status).toBe(id === "chat" ? 503 : 502);
    expect(text).toContain("The upstream refused the gateway's own credential");
    expect(text).not.toContain(credential);
  });

  test("does not follow a redirect with the key in hand", async () => {
    behaviours.set(`${base}/moved`, answer(302, "", { location: `${listener.origin}/elsewhere` }));
    const response = await send(`/${id}/moved`, { redirect: "manual" });
    await response.text();
    expect(response.status).toBe(id === "chat" ? 503 : 502);
    expect(response.headers.get("location")).toBeNull();
    expect(received.map(({ path }) => path)).toEqual([`${base}/moved`]);
  });

  test("is cut where the upstream's answer was", async () => {
    behaviours.set(`${base}/cut`, async (exchange) => {
      exchange.start({ headers: { "content-type": "application/json" } });
      exchange.write('{"half":');
      await exchange.pause(20);
      exchange.cut("rst");
    });
    const response = await send(`/${id}/cut`);
    expect(await response.text().catch(() => "cut")).toBe("cut");
    const requestId = response.headers.get("x-request-id") ?? "";
    const row = (await recordsOf(gateway, [requestId])).get(requestId);
    expect(row).toMatchObject({ operation: "opaque", end_reason: "upstream_error", provider: id });
  });
});

describe("a path", () => {
  const tricks = [
    "/p/chat/../../openai/secret",
    "/p/chat/%2e%2e/secret",
    "/p/chat/..%2fsecret",
    "/p/chat/%2e%2e%2fsecret",
    "/p/chat/..%5csecret",
    String.raw`/p/chat/..\secret`,
    "/p/chat/v1/../../secret",
    "/p/chat/x/..%2F..%2Fsecret",
    "/p/chat/.%2e/secret",
  ];
  test.each(tricks)("stays below the base URL: %s", async (path) => {
    const head = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\nconnection: close\r\n\r\n`;
    const { status } = await exchangeRaw(gateway.port, head);
    expect(status).toBeWithin(400, 405);
    expect(received.map((request) => request.path)).toEqual([]);
  });

  test.each(["/p/chat/files/a%20b", "/p/chat/files/a..b", "/p/chat/v1/files/%E4%B8%96", "/p/chat/files/a%2Fb"])(
    "may hold anything else: %s",
    async (path) => {
      expect((await fetch(`${gateway.origin}${path}`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
        200,
      );
      expect(received[0]?.path).toBe(path.replace(/^\/p\/chat(?:\/v1)?/, "/openai/v1"));
    },
  );
});

test("a provider that is not there is a 404 that names those that are", async () => {
  for (const name of ["nobody", "%zz", "__proto__", "constructor"]) {
    const response = await send(`/${name}/files`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("chat, responses, claude, gemini, ollama");
  }
  expect(received).toHaveLength(0);
});

test("nobody comes through without a key", async () => {
  for (const headers of [{}, { authorization: "Bearer wrong" }]) {
    const response = await fetch(`${gateway.origin}/p/chat/files`, { headers });
    await response.text();
    expect(response.status).toBe(401);
  }
  expect(received).toHaveLength(0);
});

test("errors are in the provider's own words", async () => {
  const refused = { chat: /"code":"upstream_rejected/, claude: /"type":"api_error"/, gemini: /"status":"INTERNAL"/ };
  for (const [id, words] of Object.entries(refused)) {
    behaviours.set(`${providers[id as keyof typeof providers].base}/x`, answer(401, "{}"));
    expect(await (await send(`/${id}/x`)).text()).toMatch(words);
  }
});

test("each is recorded as opaque, with what it cost where the answer says so", async () => {
  const usage = { prompt_tokens: 5, completion_tokens: 7, cost: 0.25 };
  behaviours.set(
    "/openai/v1/odd",
    answer(200, JSON.stringify({ model: "m-1", usage }), { "content-type": "application/json" }),
  );
  const response = await send("/chat/odd", { method: "POST", body: "{}" });
  await response.text();
  const requestId = response.headers.get("x-request-id") ?? "";
  expect((await recordsOf(gateway, [requestId])).get(requestId)).toMatchObject({
    operation: "opaque",
    protocol: "opaque",
    provider: "chat",
    status: 200,
    end_reason: "completed",
    attempts: 1,
    model_served: "m-1",
    tokens_input: 5,
    tokens_output: 7,
    cost_usd: 0.25,
  });
});

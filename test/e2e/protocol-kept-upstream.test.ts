import { afterAll, beforeEach, expect, test } from "bun:test";
import type { ReceivedRequest } from "../support/exchange.ts";
import { startGateway } from "../support/gateway.ts";
import { listenForReplay } from "../support/replay-connection.ts";
import { wires } from "../support/replay-wires.ts";
import { credential } from "./translation-rig.ts";

type Fields = Record<string, unknown>;

/** OpenAI itself: it keeps its responses, for whoever has the gateway's key. */
const kept = new Map<string, Fields>();
const received: ReceivedRequest[] = [];
const usage = { input: 3, cacheRead: 0, cacheWrite: 0, output: 4, reasoning: 0 };

function answerTo({ method, path, json, model }: ReceivedRequest): { status: number; type: string; body: string } {
  const type = "application/json";
  if (method === "POST" && path.endsWith("/responses")) {
    const text = JSON.stringify(json?.["previous_response_id"] ?? "first");
    const script = { id: `resp_up${kept.size}`, model, parts: [{ type: "text", text }], finish: "end", usage } as const;
    const wire = wires["openai-responses"];
    const whole = JSON.parse(wire.whole(script).body) as Fields;
    kept.set(String(whole["id"]), whole);
    if (json?.["stream"] !== true) return { status: 200, type, body: JSON.stringify(whole) };
    return { status: 200, type: "text/event-stream", body: wire.stream(script).events.join("") };
  }
  const found = kept.get(path.split("/")[3] ?? "");
  if (found === undefined) return { status: 404, type, body: '{"error":{"message":"No such response."}}' };
  return { status: 200, type, body: JSON.stringify(found) };
}

const listener = await listenForReplay((exchange) => {
  received.push(exchange.request);
  const { status, type, body } = answerTo(exchange.request);
  exchange.start({ status, headers: { "content-type": type } });
  exchange.write(body);
  exchange.end();
});
const alpha = "alpha-key-0001";
const bravo = "bravo-key-0002";
const gateway = await startGateway({
  configText: JSON.stringify({
    logging: { file: "" },
    keys: { inbound: [alpha, bravo] },
    providers: { openai: { type: "openai", baseUrl: `${listener.origin}/v1`, credentials: [credential] } },
    models: { "gpt-5": { targets: [{ provider: "openai", model: "gpt-5-2026" }] } },
  }),
  env: { OR_API_KEY: undefined },
});
afterAll(async () => {
  await gateway.stop();
  await listener.close();
});
beforeEach(() => void (received.length = 0));

function call(
  path: string,
  key: string,
  body?: Fields,
  method = body === undefined ? "GET" : "POST",
): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  return fetch(`${gateway.url}/responses${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

async function idFor(key: string, stream: boolean): Promise<string> {
  const text = await (await call("", key, { model: "gpt-5", input: "Hi", stream })).text();
  const id = /"id":"(resp_[^"]+)"/.exec(text)?.[1];
  if (id === undefined) throw new Error(text);
  return id;
}

test.each([false, true])(
  "a conversation goes on at the upstream, which knows its history (stream: %s)",
  async (stream) => {
    const id = await idFor(alpha, stream);
    const next = await call("", alpha, { model: "gpt-5", previous_response_id: id, input: "Weiter" });
    expect(next.status).toBe(200);
    expect(await next.text()).toContain(id);
    expect(received.at(-1)?.json).toEqual({ model: "gpt-5-2026", previous_response_id: id, input: "Weiter" });
  },
);

test.each([false, true])("a response is asked for by its own key (stream: %s)", async (stream) => {
  const id = await idFor(alpha, stream);
  for (const [path, method] of [
    [`/${id}`, "GET"],
    [`/${id}/input_items?limit=2`, "GET"],
    [`/${id}/cancel`, "POST"],
    [`/${id}`, "DELETE"],
  ] as const) {
    const response = await call(path, alpha, undefined, method);
    expect([path, response.status]).toEqual([path, 200]);
    expect(received.at(-1)).toMatchObject({ method, target: `/v1/responses${path}` });
    expect(received.at(-1)?.headers["authorization"]).toBe(`Bearer ${credential}`);
    await response.text();
  }
});

test.each([false, true])("to another key it is not there, and nobody is asked (stream: %s)", async (stream) => {
  const id = await idFor(alpha, stream);
  received.length = 0;
  for (const [path, method] of [
    [`/${id}`, "GET"],
    [`/${id}/input_items`, "GET"],
    [`/${id}/cancel`, "POST"],
    [`/${id}`, "DELETE"],
  ] as const) {
    const response = await call(path, bravo, undefined, method);
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
  }
  const next = await call("", bravo, { model: "gpt-5", previous_response_id: id, input: "Weiter" });
  expect([next.status, await next.json()]).toMatchObject([400, { error: { code: "previous_response_not_found" } }]);
  expect(received).toHaveLength(0);
});

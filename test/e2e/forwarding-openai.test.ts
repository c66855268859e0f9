import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { ReceivedRequest } from "../support/exchange.ts";
import { errorOf } from "../support/chat.ts";
import { pictureBase64, speechBytes } from "../support/replay-others.ts";
import { listenForReplay } from "../support/replay-connection.ts";
import { credential, providersAt, recordsOf, startTranslationRig } from "./translation-rig.ts";

const { gateway, upstream, ...rig } = await startTranslationRig({
  config: {
    models: {
      both: {
        targets: [
          { provider: "claude", model: "plain" },
          { provider: "chat", model: "plain" },
        ],
      },
    },
  },
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() => upstream.clear());

function multipart(fields: Readonly<Record<string, string | Blob>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

/** Not valid in any encoding, and with what looks like a boundary and a model in it. */
const picture = new Blob([
  Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256),
  '\r\n--x\r\nname="model"',
]);

interface Endpoint {
  path: string;
  operation: string;
  body: (model: string) => string | FormData;
  check: (response: Response) => Promise<void> | void;
}

function json(fields: object): (model: string) => string {
  // Odd spacing and numbers: only the name may change.
  return (model) => JSON.stringify({ ...fields, model, odd: 1e21 }).replaceAll(",", " ,  ");
}

const endpoints: readonly Endpoint[] = [
  {
    path: "/images/generations",
    operation: "images",
    body: json({ prompt: "Zürich", size: "auto" }),
    check: async (response) => expect(await response.json()).toMatchObject({ data: [{ b64_json: pictureBase64 }] }),
  },
  {
    path: "/images/edits",
    operation: "images",
    body: (model) => multipart({ image: picture, model, prompt: "Zürich" }),
    check: async (response) => expect(await response.json()).toMatchObject({ data: [{ b64_json: pictureBase64 }] }),
  },
  {
    path: "/images/variations",
    operation: "images",
    body: (model) => multipart({ model, image: picture }),
    check: async (response) => expect(await response.json()).toMatchObject({ data: [{ b64_json: pictureBase64 }] }),
  },
  {
    path: "/audio/speech",
    operation: "audio",
    body: json({ input: "Grüezi", voice: "alloy" }),
    async check(response) {
      expect(response.headers.get("content-type")).toBe("audio/mpeg");
      expect(Buffer.compare(await response.bytes(), speechBytes)).toBe(0);
    },
  },
  {
    path: "/audio/transcriptions",
    operation: "audio",
    body: (model) => multipart({ file: new File([speechBytes], "ä.mp3", { type: "audio/mpeg" }), model }),
    check: async (response) => expect(await response.json()).toEqual({ text: "Grüezi." }),
  },
  {
    path: "/audio/translations",
    operation: "audio",
    body: (model) => multipart({ file: new File([speechBytes], "a.mp3"), model, response_format: "json" }),
    check: async (response) => expect(await response.json()).toEqual({ text: "Grüezi." }),
  },
  {
    path: "/moderations",
    operation: "moderations",
    body: json({ input: ["good", "bad"] }),
    check: async (response) =>
      expect(await response.json()).toMatchObject({ results: [{ flagged: false }, { flagged: true }] }),
  },
  {
    path: "/rerank",
    operation: "rerank",
    body: json({ query: "q", documents: ["a", "b"] }),
    check: async (response) => expect(await response.json()).toMatchObject({ results: [{ index: 0 }, { index: 1 }] }),
  },
];

async function send(path: string, body: string | FormData): Promise<{ response: Response; sent: Uint8Array }> {
  const encoded = new Response(body);
  const type = typeof body === "string" ? "application/json" : (encoded.headers.get("content-type") ?? "");
  const sent = await encoded.bytes();
  const headers = { authorization: "Bearer of-the-client", "content-type": type };
  return { response: await fetch(`${gateway.url}${path}`, { method: "POST", headers, body: sent }), sent };
}

/** What was sent, with the upstream's name of the model in it. */
function renamed(sent: Uint8Array, from: string, to: string): Buffer {
  return Buffer.from(Buffer.from(sent).toString("latin1").replace(from, to), "latin1");
}

function received(): ReceivedRequest | undefined {
  return upstream.others[0]?.received;
}

describe.each(endpoints.map((endpoint) => [endpoint.path, endpoint] as const))("/v1%s", (path, endpoint) => {
  test("goes upstream with another model's name and no other change", async () => {
    const { response, sent } = await send(path, endpoint.body("chat-plain"));
    expect(response.status).toBe(200);
    await endpoint.check(response);
    const request = received();
    expect(request?.path).toBe(`/openai/v1${path}`);
    expect(request?.headers["authorization"]).toBe(`Bearer ${credential}`);
    expect(Buffer.compare(request?.body ?? new Uint8Array(), renamed(sent, "chat-plain", "plain"))).toBe(0);
    expect(upstream.violations).toEqual([]);
    const requestId = response.headers.get("x-request-id") ?? "";
    expect((await recordsOf(gateway, [requestId])).get(requestId)).toMatchObject({
      operation: endpoint.operation,
      provider: "chat",
      model_asked: "chat-plain",
      status: 200,
      end_reason: "completed",
    });
  });

  test.each(["claude", "gemini", "ollama"])("is a 404 in OpenAI's words for a model of %s", async (id) => {
    const { response } = await send(path, endpoint.body(`${id}-plain`));
    expect(response.status).toBe(404);
    const error = await errorOf(response);
    expect(error).toMatchObject({ type: "invalid_request_error", code: "not_found", param: "model" });
    expect(error.message).toContain(id);
    expect(upstream.others).toHaveLength(0);
  });

  test("passes over targets that have no such endpoint", async () => {
    const { response } = await send(path, endpoint.body("both"));
    await endpoint.check(response);
    expect(received()?.path).toBe(`/openai/v1${path}`);
  });

  test("knows no model that nobody configured", async () => {
    const { response } = await send(path, endpoint.body("no-such-model"));
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toMatchObject({ code: "model_not_found", param: "model" });
  });
});

test("bodies that are neither JSON nor a form are refused", async () => {
  const bodies: [string, string][] = [
    ["application/json", "{"],
    ["application/json", "[]"],
    ["multipart/form-data", "--x\r\n"],
  ];
  for (const [type, body] of bodies) {
    const headers = { "content-type": type };
    const response = await fetch(`${gateway.url}/images/edits`, { method: "POST", headers, body });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ type: "invalid_request_error" });
  }
  expect(upstream.others).toHaveLength(0);
});

test("streams of an endpoint go by as events, and failures are repeated as with conversations", async () => {
  let tries = 0;
  const listener = await listenForReplay((exchange) => {
    tries += 1;
    if (tries === 1) {
      exchange.start({ status: 503, headers: { "content-type": "application/json", "retry-after": "0" } });
      exchange.write('{"error":{"message":"busy"}}');
      return exchange.end();
    }
    exchange.start({ headers: { "content-type": "text/event-stream" } });
    exchange.write('data: {"type":"transcript.text.delta","delta":"Grü"}\n\n');
    exchange.write('data: {"type":"transcript.text.done","usage":{"input_tokens":3,"output_tokens":4}}\n\n');
    return exchange.end();
  });
  await using own = await startTranslationRig({
    config: {
      providers: { other: { ...providersAt(listener.origin).chat, retries: 1 } },
      models: { "other-plain": { targets: [{ provider: "other", model: "plain" }] } },
    },
  });
  const body = multipart({ model: "other-plain", stream: "true", file: new File([speechBytes], "a.mp3") });
  const response = await fetch(`${own.gateway.url}/audio/transcriptions`, { method: "POST", body });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(await response.text()).toContain("transcript.text.done");
  const requestId = response.headers.get("x-request-id") ?? "";
  const row = (await recordsOf(own.gateway, [requestId])).get(requestId);
  expect(row).toMatchObject({ attempts: 2, retries: 1, status: 200, tokens_input: 3, tokens_output: 4 });
  await listener.close();
}, 15_000);

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { providerAt, startFaultRig } from "../faults/rig.ts";
import { faultProtocols, type FaultProtocol } from "../support/fault-wire.ts";
import type { Fields } from "./routing-rig.ts";

const spoken = ["openai-chat", "anthropic-messages", "gemini-generate"] as const satisfies readonly FaultProtocol[];

const rig = await startFaultRig({
  config(origin) {
    const providers: Record<string, unknown> = {};
    const models: Record<string, unknown> = {};
    for (const protocol of faultProtocols) {
      providers[protocol] = providerAt(origin, protocol, protocol, {
        parameters: { temperature: 0.2, top_p: 0.2 },
        overrides: { "x_trace.by": protocol },
        remove: ["presence_penalty"],
      });
      models[`${protocol}-plain`] = { targets: [{ provider: protocol, model: "good~plain" }] };
      models[`${protocol}-near`] = {
        targets: [
          { provider: protocol, model: "good~near", parameters: { temperature: 0.4 }, overrides: { max_tokens: 77 } },
        ],
        parameters: { temperature: 0.3, max_tokens: 55 },
        remove: ["stop"],
      };
    }
    const several = ["anthropic-messages", "openai-chat", "openai-chat"];
    models["several"] = {
      targets: several.map((provider, index) => ({ provider, model: `good~turn-${index}` })),
      strategy: "round_robin",
    };
    return { providers, models, parameters: { temperature: 0.1, seed: 7 }, overrides: { x_all: { of: "them" } } };
  },
});
const { gateway, upstream } = rig;
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

/** What the upstream was sent for a chat request. */
async function sent(model: string, fields: Fields = {}): Promise<Fields> {
  const messages = [{ role: "user", content: "Say hello." }];
  const response = await fetch(`${gateway.url}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model, messages, ...fields }),
  });
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
  await response.arrayBuffer();
  return upstream.requests.at(-1)?.received.json ?? {};
}

function options(protocol: FaultProtocol, body: Fields): Fields {
  return protocol === "gemini-generate" ? (body["generationConfig"] as Fields) : body;
}

const temperature = (protocol: FaultProtocol, body: Fields): unknown => options(protocol, body)["temperature"];

const limitNames = {
  "openai-chat": "max_tokens",
  "anthropic-messages": "max_tokens",
  "gemini-generate": "maxOutputTokens",
} as const;

describe.each([...spoken])("to an upstream that speaks %s", (protocol) => {
  test("a provider's default comes before that for all, and both are given where the client sent none", async () => {
    const body = await sent(`${protocol}-plain`);
    expect(temperature(protocol, body)).toBe(0.2);
    expect(body).toMatchObject({ x_all: { of: "them" }, x_trace: { by: protocol } });
    // Anthropic has no such field.
    expect(options(protocol, body)["seed"]).toBe(protocol === "anthropic-messages" ? undefined : 7);
  });

  test("what the client sent stays, but for overrides and what is taken out", async () => {
    const body = await sent(`${protocol}-plain`, { temperature: 0.9, presence_penalty: 0.5, x_all: 1, max_tokens: 9 });
    expect(temperature(protocol, body)).toBe(0.9);
    expect(options(protocol, body)[limitNames[protocol]]).toBe(9);
    expect(body["x_all"]).toEqual({ of: "them" });
    expect(JSON.stringify(body)).not.toMatch(/presence_?penalty/i);
  });

  test("a target's settings come before its model's, and those before its provider's", async () => {
    const body = await sent(`${protocol}-near`, { stop: ["X"], max_tokens: 9 });
    expect(temperature(protocol, body)).toBe(0.4);
    expect(options(protocol, body)[limitNames[protocol]]).toBe(77);
    expect(JSON.stringify(body)).not.toMatch(/"stop/);
  });
});

test("a model's own parameters reach no other one, and other protocols get them by their own names", async () => {
  expect((await sent("openai-chat-plain"))["max_tokens"]).toBeUndefined();
  expect((await sent("ollama-chat-plain"))["options"]).toMatchObject({ temperature: 0.2, top_p: 0.2, seed: 7 });
  expect(await sent("openai-responses-plain")).toMatchObject({ temperature: 0.2, x_all: { of: "them" } });
});

async function embedded(model: string, fields: Fields = {}): Promise<Fields> {
  const response = await fetch(`${gateway.url}/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, input: "Hello", ...fields }),
  });
  await response.text();
  const request = upstream.others.findLast(({ path }) => /embed/i.test(path));
  return request?.json ?? {};
}

describe("requests that are no conversations", () => {
  test("get what fits them: no temperature, but what is nobody's own", async () => {
    for (const protocol of ["openai-chat", "ollama-chat"] as const) {
      const body = await embedded(`${protocol}-near`);
      expect(body).toEqual({
        model: "good~near",
        input: protocol === "ollama-chat" ? expect.anything() : "Hello",
        x_all: { of: "them" },
        x_trace: { by: protocol },
      });
    }
  });

  test("take turns among those that have the endpoint", async () => {
    for (let index = 0; index < 4; index += 1) await embedded("several");
    const models = upstream.others.map(({ json }) => json?.["model"]);
    expect(models).toEqual(["good~turn-1", "good~turn-2", "good~turn-1", "good~turn-2"]);
  });

  test("are sent byte for byte besides that", async () => {
    const body = await embedded("openai-chat-plain", { dimensions: 3, temperature: 1 });
    expect(body).toMatchObject({ dimensions: 3, temperature: 1, model: "good~plain" });
  });
});

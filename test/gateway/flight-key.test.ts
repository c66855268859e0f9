import { describe, expect, test } from "bun:test";
import { flightKeyOf } from "../../src/gateway/flight-key.ts";
import { protocols } from "../../src/protocols/registry.ts";
import type { Steering } from "../../src/routing/route.ts";

interface Asked {
  keyId?: string;
  protocol?: keyof typeof protocols;
  path?: { model?: string; stream?: boolean };
  headers?: Record<string, string>;
  body?: string;
  model?: string;
  steering?: Steering;
}

function keyOf({ keyId = "key-1", protocol = "openai-chat", path, headers = {}, body = "{}", ...more }: Asked): string {
  const call = {
    keyId,
    protocol: protocols[protocol],
    path,
    headers: new Headers(headers),
    body: new Uint8Array(Buffer.from(body)),
  };
  return flightKeyOf({ call, model: more.model ?? "m", steering: more.steering });
}

const steering: Steering = {
  providers: ["a"],
  strategy: undefined,
  timeoutMs: undefined,
  retries: undefined,
  priority: 0,
};

describe("requests have the same key", () => {
  test("when all that goes upstream is the same", () => {
    const asked: Asked = { headers: { "Anthropic-Beta": "x" }, body: `{"a":1}`, steering };
    expect(keyOf(asked)).toBe(keyOf(structuredClone(asked)));
    expect(keyOf(asked)).toHaveLength(44);
  });

  test("whatever their clients say to the gateway's other parts", () => {
    const one = { "user-agent": "a", "x-request-id": "1", traceparent: "2", authorization: "Bearer a" };
    expect(keyOf({ headers: one })).toBe(keyOf({}));
  });
});

test.each<Asked>([
  { keyId: "key-2" },
  { protocol: "openai-completions" },
  { model: "n" },
  { path: { model: "m" } },
  { path: { model: "m", stream: true } },
  { body: "{} " },
  { body: "" },
  { headers: { "anthropic-beta": "x" } },
  { headers: { "idempotency-key": "x" } },
  { headers: { "x-orcestator-strict": "1" } },
  { headers: { "x-orcestator-hops": "this-gateway" } },
  { steering },
  { steering: { ...steering, providers: ["b"] } },
])("a request that differs by %j has another key", (asked) => {
  expect(keyOf(asked)).not.toBe(keyOf({}));
});

test("what one part ends with is not what the next begins with", () => {
  expect(keyOf({ keyId: `k","openai-chat` })).not.toBe(keyOf({ keyId: "k" }));
  expect(keyOf({ body: "1{}" })).not.toBe(keyOf({ body: "{}" }));
});

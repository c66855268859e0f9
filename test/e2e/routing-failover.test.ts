import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Behaviour } from "../support/exchange.ts";
import { body, failure, okJson } from "../support/replies.ts";
import { clients, post } from "./translation-clients.ts";
import { at, startRoutingRig } from "./routing-rig.ts";

const rig = await startRoutingRig({
  providers: {
    one: {},
    two: {},
    three: {},
  },
  models: {
    "m-*": { targets: [at("one", "m1-*"), at("two", "m2-*"), at("three", "m3-*")] },
    alone: { targets: [at("one", "a1")] },
    "guarded-*": {
      targets: [at("one", "g1-*"), at("two", "g2-*")],
      fallbacks: ["spare"],
      contentPolicyFallbacks: ["lenient"],
      contextWindowFallbacks: ["roomy"],
    },
    spare: { targets: [at("three", "spare-m")] },
    lenient: { targets: [at("three", "lenient-m")] },
    roomy: { targets: [at("three", "roomy-m")] },
  },
});
const { upstream, ask } = rig;
/** Of the running test: what is done to a target must not be felt by the next test. */
let number = 0;
beforeEach(() => {
  upstream.clear();
  rig.forget();
  number += 1;
});

const m = (): string => `m-${number}`;
const guarded = (): string => `guarded-${number}`;
function set(model: string, behaviour: Behaviour): void {
  upstream.set(`${model}-${number}`, behaviour);
}
const asked = (): string[] => rig.asked().map((place) => place.replace(/-\d+$/, ""));
afterAll(() => rig[Symbol.asyncDispose]());

const told = (status: number, message: string, more: object = {}): Behaviour =>
  body(JSON.stringify({ error: { message, ...more } }), { status });

describe("a prompt that is too long", () => {
  const forms: Record<string, Behaviour> = {
    "OpenAI's code": told(400, "Too long.", { code: "context_length_exceeded" }),
    "OpenAI's words": told(400, "This model's maximum context length is 8192 tokens."),
    "the Responses API's words": told(400, "Your input exceeds the context window of this model."),
    "Anthropic's words": told(400, "prompt is too long: 212893 tokens > 200000 maximum", {
      type: "invalid_request_error",
    }),
    "Gemini's words": told(
      400,
      "The input token count (1048900) exceeds the maximum number of tokens allowed (1048576).",
      {
        status: "INVALID_ARGUMENT",
      },
    ),
    "Ollama's words": body('{"error":"the input length exceeds the context length"}', { status: 400 }),
    "llama.cpp's words": told(400, "the request exceeds the available context size, try increasing it"),
    "Mistral's words": told(400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
  };
  test.each(Object.entries(forms))("goes to contextWindowFallbacks and nowhere else: %s", async (_, form) => {
    set("g1", form);
    expect((await ask(guarded())).status).toBe(200);
    expect(asked()).toEqual(["one/g1", "three/roomy-m"]);
  });

  test("for all of them is told as such", async () => {
    upstream.otherwise(told(400, "prompt is too long"));
    const { status, text } = await ask(guarded());
    expect([status, text]).toEqual([400, expect.stringContaining("context_length_exceeded")]);
    expect(asked()).toEqual(["one/g1", "three/roomy-m"]);
  });
});

describe("refused content", () => {
  const forms: Record<string, Behaviour> = {
    "OpenAI's code": told(400, "Flagged.", { code: "content_policy_violation" }),
    "Azure's code": told(400, "The response was filtered.", { code: "content_filter" }),
    "OpenRouter's moderation": told(403, "Flagged.", {
      code: 403,
      metadata: { reasons: ["violence"], flagged_input: "…" },
    }),
  };
  test.each(Object.entries(forms))("goes to contentPolicyFallbacks and nowhere else: %s", async (_, form) => {
    set("g1", form);
    expect((await ask(guarded())).status).toBe(200);
    expect(asked()).toEqual(["one/g1", "three/lenient-m"]);
  });

  test("counts against nobody", async () => {
    set("g1", told(400, "Flagged.", { code: "content_policy_violation" }));
    const before = await rig.healthOf("one");
    await ask(guarded());
    const after = await rig.healthOf("one");
    const errors = ({ targets }: typeof before) => targets.find(({ model }) => model === `g1-${number}`)?.errors;
    expect(errors(after)).toBe(errors(before) ?? 0);
  });
});

describe("when all targets fail", () => {
  test("the model's fallbacks follow, and the answer says which model it is of", async () => {
    set("g1", failure(503));
    set("g2", failure(500));
    const { status, text } = await ask(guarded());
    expect([status, (JSON.parse(text) as { model: string }).model]).toEqual([200, guarded()]);
    expect(asked()).toEqual(["one/g1", "two/g2", "three/spare-m"]);
  });

  test("the error names all of them in order with their causes, and the shortest wait", async () => {
    set("m1", failure(429, { headers: { "retry-after": "40" } }));
    set("m2", failure(429, { headers: { "retry-after-ms": "20000" } }));
    set("m3", failure(529));
    const { status, message, headers } = await ask(m());
    expect(status).toBe(503);
    expect(message).toMatch(
      /Tried in order: one\/m1-\d+ \(429 rate_limit_exceeded, free again in 40 s\), two\/m2-\d+ \(429 rate_limit_exceeded, free again in 20 s\), three\/m3-\d+ \(529 upstream_overloaded\)\./,
    );
    expect(Number(headers.get("retry-after"))).toBeWithin(19, 21);
    expect(headers.get("x-orcestator-attempts")).toBe("3");
  });
});

const quoting: Behaviour = (exchange) => {
  const quoted = exchange.request.headers["authorization"] ?? "";
  return told(500, `Who is ${quoted}? Key=${quoted.slice(7)}`)(exchange);
};

describe("secrets", () => {
  const secrets = /sk-(?:one|two|three)-/;
  test("are told to no client and shown nowhere, whatever upstreams quote", async () => {
    upstream.otherwise(quoting);
    for (const client of clients) {
      const response = await post(rig.gateway, client, {
        path: client.path(guarded(), true),
        body: client.body({ model: guarded(), isStream: true }),
      });
      const text = await response.text();
      expect(text).toContain("Who is");
      expect(text + JSON.stringify([...response.headers])).not.toMatch(secrets);
      const id = response.headers.get("x-request-id");
      expect(await (await rig.admin(`/api/requests/${id}`)).text()).not.toMatch(secrets);
    }
    expect(await (await rig.admin("/api/providers/health")).text()).not.toMatch(secrets);
    expect(rig.gateway.stdout() + rig.gateway.stderr()).not.toMatch(secrets);
  });
});

describe("the response headers", () => {
  test("say who answered, and after how many requests", async () => {
    const { headers } = await ask("alone");
    expect([headers.get("x-orcestator-provider"), headers.get("x-orcestator-attempts")]).toEqual(["one", "1"]);
    upstream.set("a1", failure(400));
    const refused = await ask("alone");
    expect(refused.headers.get("x-orcestator-provider")).toBe("one");
  });

  test("say nothing of a request that nobody was asked for", async () => {
    const { headers } = await ask("nobody");
    expect(headers.has("x-orcestator-provider")).toBe(false);
    expect(headers.has("x-orcestator-attempts")).toBe(false);
  });

  test("can be switched off", async () => {
    await using quiet = await startRoutingRig({
      providers: { one: {} },
      models: { m: { targets: [at("one", "m1")] } },
      config: { server: { routingHeaders: false } },
    });
    for (const behaviour of [okJson(), failure(500)]) {
      quiet.upstream.set("m1", behaviour);
      const { headers } = await quiet.ask("m");
      expect([...headers.keys()].filter((name) => name.startsWith("x-orcestator"))).toEqual([]);
    }
  });
});

test("an upstream that is down is not buried in repeats", async () => {
  await using house = await startRoutingRig({
    providers: { one: { retries: 2 } },
    models: { m: { targets: [at("one", "m1")] } },
    config: { health: { probes: false, maxErrors: 1_000_000, minRequests: 1_000_000 } },
  });
  house.upstream.otherwise(failure(503));
  const until = performance.now() + 2000;
  const running: Promise<unknown>[] = [];
  while (performance.now() < until) {
    running.push(house.ask("m"));
    await Bun.sleep(10);
  }
  await Promise.all(running);
  expect(running.length).toBeGreaterThan(50);
  expect(house.upstream.requests.length).toBeGreaterThan(running.length);
  expect(house.upstream.requests.length).toBeLessThanOrEqual(1.2 * running.length + 3);
  expect(await house.metric("orcestator_retries_total", { provider: "one" })).toBe(
    house.upstream.requests.length - running.length,
  );
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));

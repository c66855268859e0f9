import { afterAll, describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { ask, clients, post, type Client } from "./translation-clients.ts";
import { credential, providersAt, spoken, startTranslationRig, upstreamIds } from "./translation-rig.ts";

/** A port that nobody listens on. */
async function deadOrigin(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const key = "client-key-0001";
const dead = providersAt(await deadOrigin());
const deadNames = upstreamIds.map((id) => [`dead-${id}`, dead[id]] as const);
const { gateway, upstream, ...rig } = await startTranslationRig({
  config: {
    keys: { inbound: [key] },
    server: { maxBodyBytes: 4096 },
    providers: Object.fromEntries(deadNames),
    models: Object.fromEntries(deadNames.map(([name]) => [name, { targets: [{ provider: name, model: "plain" }] }])),
  },
});
afterAll(() => rig[Symbol.asyncDispose]());

type Family = "openai" | "anthropic" | "gemini" | "ollama";

function familyOf({ protocol }: Client): Family {
  if (protocol.startsWith("openai")) return "openai";
  return protocol.split("-")[0] as Family;
}

/** What each family of clients is told: status and its own word. */
type Told = Readonly<Record<Family, readonly [status: number, word?: string]>>;

const wrongRequest: Told = {
  openai: [400, "invalid_request_error"],
  anthropic: [400, "invalid_request_error"],
  gemini: [400, "INVALID_ARGUMENT"],
  ollama: [400],
};
const noModel: Told = {
  openai: [404, "model_not_found"],
  anthropic: [404, "not_found_error"],
  gemini: [404, "NOT_FOUND"],
  ollama: [404],
};
const noKey: Told = {
  openai: [401, "invalid_api_key"],
  anthropic: [401, "authentication_error"],
  gemini: [401, "UNAUTHENTICATED"],
  ollama: [401],
};
const tooLarge: Told = {
  openai: [413, "request_too_large"],
  anthropic: [413, "request_too_large"],
  gemini: [413, "INVALID_ARGUMENT"],
  ollama: [413],
};

interface ErrorCheck {
  told: Told;
  message?: string | RegExp;
  retryAfter?: string;
}

/** Everything an error answer owes to a client, whatever went wrong. */
async function expectError(client: Client, response: Response, check: ErrorCheck): Promise<void> {
  const text = await response.text();
  const [status, word] = check.told[familyOf(client)];
  expect({ status: response.status, text }).toEqual({ status, text });
  expect(response.headers.get("content-type")).toStartWith("application/json");
  const told = client.errorOf(JSON.parse(text), status);
  expect(told.word).toBe(word);
  expect(told.message).not.toBe("");
  if (check.message !== undefined) expect(told.message).toMatch(check.message);
  const requestId = response.headers.get("x-request-id") ?? "";
  expect(requestId).toMatch(/^req_[a-z0-9]{24}$/i);
  if (client.protocol === "anthropic-messages") expect(response.headers.get("request-id")).toMatch(/^req_/);
  expect(response.headers.get("retry-after")).toBe(check.retryAfter ?? null);
  const isFinal = status >= 500 && ["openai", "anthropic"].includes(familyOf(client));
  if (isFinal) expect(response.headers.get("x-should-retry")).toBe("false");
  for (const secret of [credential, key]) expect(text + JSON.stringify([...response.headers])).not.toContain(secret);
}

/** An upstream in the client's own protocol where there is one, and two others. */
function upstreamsFor({ protocol }: Client): string[] {
  const same = upstreamIds.filter((id) => spoken[id] === protocol);
  return [...same, ...othersFor({ protocol })];
}

function othersFor({ protocol }: Pick<Client, "protocol">): string[] {
  return upstreamIds.filter((id) => spoken[id] !== protocol).slice(0, 3);
}

/** The question without what it cannot be without; Ollama's clients may leave everything out, so theirs is wrong. */
function incomplete(client: Client, model: string): Record<string, unknown> {
  const body = Object.entries(client.body({ model, isStream: false }));
  const questions = ["messages", "prompt", "input", "contents"];
  const rest = Object.fromEntries(body.filter(([field]) => !questions.includes(field)));
  if (client.protocol === "ollama-chat") return { ...rest, messages: "Hi" };
  if (client.protocol === "ollama-generate") return { ...rest, prompt: 1 };
  return rest;
}

const missing: Readonly<Record<string, RegExp>> = {
  "openai-chat": /messages/,
  "openai-completions": /prompt/,
  "openai-responses": /input/,
  "anthropic-messages": /messages/,
  "gemini-generate": /contents/,
  "ollama-chat": /messages/,
  "ollama-generate": /prompt/,
};

describe.each(clients.map((client) => [client.name, client] as const))("%s is told in its own words", (_, client) => {
  test("that its body is no JSON, whatever the upstream speaks", async () => {
    for (const id of upstreamsFor(client)) {
      const path = client.path(`${id}-plain`, true);
      for (const body of [`{"model":"${id}-plain","messages":[`, "", "[]", '"text"', "null"]) {
        const response = await post(gateway, client, { path, body, key });
        await expectError(client, response, { told: wrongRequest });
      }
    }
  });

  test("that a field is missing", async () => {
    for (const id of othersFor(client)) {
      const model = `${id}-plain`;
      const path = client.path(model, false);
      const response = await post(gateway, client, { path, body: incomplete(client, model), key });
      await expectError(client, response, { told: wrongRequest, message: missing[client.protocol] as RegExp });
    }
  });

  test("that there is no such model", async () => {
    for (const isStream of [false, true]) {
      const response = await ask(gateway, client, { model: "no-such-model", isStream, key });
      await expectError(client, response, { told: noModel, message: /no-such-model/ });
    }
  });

  test("that it has no key, or a wrong one", async () => {
    for (const wrong of [undefined, "wrong-key-0001"]) {
      const response = await ask(gateway, client, { model: "claude-plain", key: wrong });
      await expectError(client, response, { told: noKey, message: "ORCH_INBOUND_API_KEYS" });
    }
  });

  test("that its body is too large", async () => {
    const model = "claude-plain";
    const body = client.body({ model, isStream: false, text: "x".repeat(5000) });
    const response = await post(gateway, client, { path: client.path(model, false), body, key });
    await expectError(client, response, { told: tooLarge, message: /4096/ });
  });

  const refusals: Record<string, ErrorCheck> = {
    "fails-400": { told: wrongRequest, message: "The request is wrong, says the upstream." },
    "fails-401": {
      told: {
        openai: [503, "upstream_rejected_credential"],
        anthropic: [502, "api_error"],
        gemini: [502, "INTERNAL"],
        ollama: [502],
      },
      message: "the gateway's own credential",
    },
    "fails-404": { told: noModel, message: "No such model, says the upstream." },
    "fails-429": {
      told: {
        openai: [429, "rate_limit_exceeded"],
        anthropic: [429, "rate_limit_error"],
        gemini: [429, "RESOURCE_EXHAUSTED"],
        ollama: [429],
      },
      message: "Too fast, says the upstream.",
      retryAfter: "17",
    },
    "fails-500": {
      told: {
        openai: [503, "upstream_error"],
        anthropic: [502, "api_error"],
        gemini: [502, "INTERNAL"],
        ollama: [502],
      },
      message: "It broke, says the upstream.",
    },
    "fails-529": {
      told: {
        openai: [503, "upstream_overloaded"],
        anthropic: [529, "overloaded_error"],
        gemini: [503, "UNAVAILABLE"],
        ollama: [503],
      },
      message: "Too much to do, says the upstream.",
    },
  };
  test.each(Object.entries(refusals))("that the upstream %s", async (scenario, check) => {
    for (const id of upstreamsFor(client)) {
      for (const isStream of [false, true]) {
        const response = await ask(gateway, client, { model: `${id}-${scenario}`, isStream, key });
        await expectError(client, response, check);
      }
    }
  });

  test("that nobody is there upstream", async () => {
    const told: Told = {
      openai: [503, "upstream_unreachable"],
      anthropic: [502, "api_error"],
      gemini: [502, "INTERNAL"],
      ollama: [502],
    };
    for (const id of upstreamsFor(client)) {
      for (const isStream of [false, true]) {
        const response = await ask(gateway, client, { model: `dead-${id}`, isStream, key });
        await expectError(client, response, { told, message: /127\.0\.0\.1/ });
      }
    }
  });
});

test("Gemini's clients find the time to wait where Google says it", async () => {
  const [client] = clients.filter(({ protocol }) => protocol === "gemini-generate");
  const response = await ask(gateway, client as Client, { model: "claude-fails-429", key });
  const { error } = (await response.json()) as { error: { details: unknown[] } };
  expect(error.details).toEqual([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "17s" }]);
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));

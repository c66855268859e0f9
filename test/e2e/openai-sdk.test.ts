import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI, {
  APIConnectionError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
  UnprocessableEntityError,
} from "openai";
import { startRig } from "../support/e2e.ts";
import { startGateway } from "../support/gateway.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import { errorChunk, failure, hangBeforeHeaders, ordinaryReply, streamOf } from "../support/replies.ts";

const { upstream, gateway, ...rig } = await startRig({ env: { ORCH_INBOUND_API_KEYS: "sk-client" } });
const demo = await startGateway({ env: { OR_API_KEY: undefined }, args: ["--demo"] });
beforeEach(() => upstream.clear());
afterAll(() => Promise.all([rig[Symbol.asyncDispose](), demo.stop()]));

const client = new OpenAI({ baseURL: gateway.url, apiKey: "sk-client" });
const demoClient = new OpenAI({ baseURL: demo.url, apiKey: "none" });

const messages = [{ role: "user" as const, content: "Say hello." }];
const tools = [
  {
    type: "function" as const,
    function: {
      name: "get_weather",
      description: "Weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];

async function failureOf(call: Promise<unknown>): Promise<APIError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof APIError)) throw new Error(`no APIError but ${String(error)}`);
  return error;
}

describe("chat.completions.create", () => {
  test("plain", async () => {
    const { data, response } = await client.chat.completions.create({ model: "orcestator", messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe("Hello from upstream.");
    expect(data.model).toBe("orcestator");
    expect(data.usage?.total_tokens).toBe(19);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
  });

  test("streamed, with usage when asked", async () => {
    const stream = await client.chat.completions.create({
      model: "orcestator",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let total: number | undefined;
    for await (const chunk of stream) {
      expect(chunk.model).toBe("orcestator");
      text += chunk.choices[0]?.delta.content ?? "";
      total = chunk.usage?.total_tokens ?? total;
    }
    expect(text).toBe("Hello from upstream.");
    expect(total).toBe(19);
  });

  test("with tools, plain and streamed", async () => {
    const plain = await client.chat.completions.create({ model: "orcestator", messages, tools });
    const [call] = plain.choices[0]?.message.tool_calls ?? [];
    if (call?.type !== "function") throw new Error("no function call");
    expect(JSON.parse(call.function.arguments)).toEqual({ city: "Zürich", unit: "c" });
    const runner = client.chat.completions.stream({ model: "orcestator", messages, tools });
    const final = await runner.finalChatCompletion();
    expect(final.choices[0]?.finish_reason).toBe("tool_calls");
    const [streamed] = final.choices[0]?.message.tool_calls ?? [];
    if (streamed?.type !== "function") throw new Error("no streamed function call");
    expect(streamed).toMatchObject({ id: "call_abc123", function: { name: "get_weather" } });
    expect(JSON.parse(streamed.function.arguments)).toEqual({ city: "Zürich", unit: "c" });
  });

  test("runs a tool to the end against the built-in model", async () => {
    const asked: unknown[] = [];
    const runner = demoClient.chat.completions.runTools({
      model: "orcestator",
      messages: [{ role: "user", content: "Use get_weather." }],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "Weather of a city",
            parameters: { type: "object", properties: { city: { type: "string" } } },
            parse: JSON.parse,
            function: (input: unknown) => {
              asked.push(input);
              return "sunny";
            },
          },
        },
      ],
    });
    const final = await runner.finalContent();
    expect(asked).toHaveLength(1);
    expect(final).toContain("sunny");
  });

  test("streamed from the built-in model passes the SDK's own validation", async () => {
    const stream = demoClient.chat.completions.stream({ model: "orcestator", messages });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.finish_reason).toBe("stop");
    expect(final.choices[0]?.message.content).toContain("Say hello.");
  });

  test("aborted in the middle cancels the upstream", async () => {
    const words = Array.from({ length: 500 }, (_, index) => `${index} `);
    upstream.set(
      "vendor/long",
      streamOf((model) => words.map((content) => event(deltaChunk(model, { content }))), { paceMs: 5 }),
    );
    const stream = await client.chat.completions.create({ model: "vendor/long", messages, stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen === 5) stream.controller.abort();
    }
    expect(seen).toBeLessThan(50);
    expect(await upstream.of("vendor/long")[0]?.ended).toBe("aborted");
  });

  test("aborted before the answer is the SDK's abort error", async () => {
    upstream.set("vendor/never", hangBeforeHeaders);
    const controller = new AbortController();
    const call = client.chat.completions.create({ model: "vendor/never", messages }, { signal: controller.signal });
    const outcome = call.catch((error: unknown) => error);
    const request = await upstream.waitFor(({ model }) => model === "vendor/never");
    controller.abort();
    expect(await outcome).toBeInstanceOf(APIUserAbortError);
    expect(await request.ended).toBe("aborted");
  });
});

const partialText = (model: string) => [event(deltaChunk(model, { content: "Partial" }))];

describe("the SDK's error classes", () => {
  const classes = [
    [400, BadRequestError],
    [401, InternalServerError],
    [404, NotFoundError],
    [422, UnprocessableEntityError],
    [502, InternalServerError],
    [529, InternalServerError],
  ] as const;
  for (const [status, expected] of classes) {
    test(`${status} upstream is ${expected.name}, asked for once by the SDK`, async () => {
      const model = `vendor/fails-${status}`;
      upstream.set(model, failure(status, { message: "Because" }));
      const error = await failureOf(client.chat.completions.create({ model, messages }));
      expect(error).toBeInstanceOf(expected);
      expect(error.message).toContain("Because");
      expect(error.requestID).toMatch(/^req_/);
      expect(error.type).toBeString();
      // The gateway's own tries only: `x-should-retry: false` keeps the SDK from repeating them.
      expect(upstream.of(model).length).toBe(status >= 500 ? 3 : 1);
    }, 15_000);
  }

  test("429 is RateLimitError, and the SDK may come again", async () => {
    upstream.set("vendor/limited", failure(429, { headers: { "retry-after-ms": "20" } }));
    const error = await failureOf(
      client.chat.completions.create({ model: "vendor/limited", messages }, { maxRetries: 1 }),
    );
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.code).toBe("rate_limit_exceeded");
    // Two requests, and the three retries that a target gets however few requests there are.
    expect(upstream.of("vendor/limited")).toHaveLength(5);
  }, 15_000);

  test("a wrong key is AuthenticationError", async () => {
    const stranger = new OpenAI({ baseURL: gateway.url, apiKey: "wrong" });
    const error = await failureOf(stranger.chat.completions.create({ model: "orcestator", messages }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe("invalid_api_key");
  });

  test("an unusable body is BadRequestError", async () => {
    const error = await failureOf(client.chat.completions.create({ model: "orcestator" } as never));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe("messages");
  });

  test("a stream that fails at once is the error of its status", async () => {
    upstream.set(
      "vendor/at-once",
      streamOf((model) => [event(errorChunk(model, { code: 400, message: "No" }))]),
    );
    const error = await failureOf(client.chat.completions.create({ model: "vendor/at-once", messages, stream: true }));
    expect(error).toBeInstanceOf(BadRequestError);
  });

  test("a stream that breaks throws after the partial text, never ends well", async () => {
    const broken = [
      streamOf(partialText, { ending: "rst" }),
      streamOf((model) => [...partialText(model), event(errorChunk(model, { message: "Broke" }))]),
    ];
    for (const behaviour of broken) {
      upstream.set("vendor/broken", behaviour);
      const stream = await client.chat.completions.create({ model: "vendor/broken", messages, stream: true });
      let text = "";
      const reading = (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      })();
      const error = await failureOf(reading);
      expect(error).not.toBeInstanceOf(APIConnectionError);
      expect(error.type).toBe("server_error");
      expect(error.code).toBeString();
      expect(text).toBe("Partial");
    }
  });
});

describe("models", () => {
  test("list and retrieve", async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toContain("orcestator");
    const model = await client.models.retrieve("orcestator");
    expect(model).toMatchObject({ id: "orcestator", object: "model", owned_by: "orcestator" });
    const missing = await failureOf(client.models.retrieve("no/such-model"));
    expect(missing).toBeInstanceOf(NotFoundError);
  });
});

test("a plain answer of the built-in model", async () => {
  const answer = await demoClient.chat.completions.create({ model: "orcestator", messages });
  expect(answer.model).toBe("orcestator");
  expect(answer.usage?.total_tokens).toBeGreaterThan(0);
});

test("an ordinary reply to every model of the upstream's list", async () => {
  upstream.otherwise(ordinaryReply());
  for await (const { id } of client.models.list()) {
    const answer = await client.chat.completions.create({ model: id, messages });
    expect(answer.choices).toHaveLength(1);
  }
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { errorOf, eventsOf, postChat, type Data } from "../support/chat.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { startRig } from "../support/e2e.ts";
import { deltaChunk, event } from "../support/chat-chunks.ts";
import {
  body,
  errorBody,
  errorChunk,
  failure,
  okJson,
  okStream,
  pieces,
  redirect,
  streamOf,
} from "../support/replies.ts";

const configText = (url: string) => `
providers:
  main: {type: openrouter, baseUrl: "${url}", credentials: ["\${OR_API_KEY}"], acceptsAnyModel: true, retries: 0}
models:
  orcestator: {targets: [{provider: main, model: openai/gpt-4o}]}
`;
const { upstream, gateway, ...rig } = await startRig({ configText });
beforeEach(() => upstream.clear());
afterAll(() => rig[Symbol.asyncDispose]());

const start = (model: string) => [
  event(deltaChunk(model, { role: "assistant", content: "" })),
  event(deltaChunk(model, { content: "Partial" })),
];

interface Expected {
  status: number;
  type: string;
  code: string | null | RegExp;
}
const serverError = { status: 503, type: "server_error", code: /./ } as const;
const table: Record<number, Expected> = {
  400: { status: 400, type: "invalid_request_error", code: /./ },
  401: serverError,
  402: { status: 429, type: "insufficient_quota", code: "insufficient_quota" },
  403: serverError,
  404: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  408: serverError,
  413: { status: 413, type: "invalid_request_error", code: /./ },
  422: { status: 422, type: "invalid_request_error", code: /./ },
  429: { status: 429, type: "rate_limit_exceeded", code: "rate_limit_exceeded" },
  500: serverError,
  502: serverError,
  503: serverError,
  504: serverError,
  524: serverError,
  529: serverError,
};

describe("an upstream's refusal", () => {
  for (const [text, expected] of Object.entries(table)) {
    const status = Number(text);
    for (const stream of [false, true]) {
      test(`${status} is a ${expected.status} for the client, ${stream ? "streaming" : "plain"}`, async () => {
        upstream.set("vendor/a", failure(status, { message: `Reason ${status}` }));
        const response = await postChat(gateway, { model: "vendor/a", stream });
        expect(response.status).toBe(expected.status);
        const error = await errorOf(response);
        expect(error.type).toBe(expected.type);
        if (expected.code instanceof RegExp) expect(error.code ?? "null").toMatch(expected.code);
        else expect(error.code).toBe(expected.code);
        expect(error.message).toContain(`Reason ${status}`);
        expect(error.message).not.toContain("sk-or-test");
        expect(response.headers.get("x-request-id")).toMatch(/^req_/);
        expect(response.headers.get("x-should-retry")).toBe(expected.status === 503 ? "false" : null);
        expect(response.headers.get("content-type")).toStartWith("application/json");
      });
    }
  }

  test("a context that is too long has its own code", async () => {
    const metadata = { error_type: "context_length_exceeded", provider_code: 400 };
    upstream.set(
      "vendor/a",
      failure(400, { message: "This endpoint's maximum context length is 8192 tokens.", metadata }),
    );
    const response = await postChat(gateway, { model: "vendor/a" });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ code: "context_length_exceeded", type: "invalid_request_error" });
  });

  test("a moderated prompt is the client's matter and says why", async () => {
    const metadata = { reasons: ["violence"], flagged_input: "…", provider_name: "Fake", model_slug: "vendor/a" };
    upstream.set("vendor/a", failure(403, { message: "Your input was flagged", metadata }));
    const response = await postChat(gateway, { model: "vendor/a" });
    expect([400, 403]).toContain(response.status);
    expect((await errorOf(response)).message).toContain("Your input was flagged");
  });

  test("error bodies that are no JSON, empty or of odd shape still become the OpenAI error body", async () => {
    const bodies = [
      "",
      "<html>bad gateway</html>",
      "null",
      "[]",
      `{"error":"text"}`,
      `{"message":"top"}`,
      `[{"error":{"message":"in a list"}}]`,
      `{"error":{"code":502`,
    ];
    for (const text of bodies) {
      for (const status of [400, 502]) {
        upstream.set("vendor/a", failure(status, { body: text, contentType: "text/html" }));
        const response = await postChat(gateway, { model: "vendor/a" });
        expect(response.status).toBe(status === 400 ? 400 : 503);
        await errorOf(response);
      }
    }
  });
});

describe("Retry-After of a 429", () => {
  const given: [Record<string, string>, (seconds: number) => boolean][] = [
    [{ "retry-after": "30" }, (seconds) => seconds > 28 && seconds <= 30],
    [{ "retry-after": "29.5" }, (seconds) => seconds > 28 && seconds <= 30],
    [{ "retry-after": new Date(Date.now() + 45_000).toUTCString() }, (seconds) => seconds > 38 && seconds <= 45],
    [{ "retry-after-ms": "31000" }, (seconds) => seconds > 29 && seconds <= 31],
  ];
  for (const [headers, isHonest] of given) {
    test(`is passed on: ${Object.keys(headers).join()} ${Object.values(headers).join().slice(0, 5)}`, async () => {
      upstream.set("vendor/a", failure(429, { headers }));
      const startedAt = performance.now();
      const response = await postChat(gateway, { model: "vendor/a" });
      await response.text();
      expect(response.status).toBe(429);
      expect(isHonest(Number(response.headers.get("retry-after")))).toBe(true);
      expect(performance.now() - startedAt).toBeLessThan(2000);
    });
  }

  test("is passed on with the 503 that an upstream's 503 becomes", async () => {
    upstream.set("vendor/a", failure(503, { headers: { "retry-after": "30" } }));
    const response = await postChat(gateway, { model: "vendor/a" });
    await response.text();
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeWithin(28, 31);
  });

  test("is never nonsense", async () => {
    for (const value of ["-5", "NaN", "1e999", "soon", "", "99999999999999999999"]) {
      upstream.set("vendor/a", failure(429, { headers: { "retry-after": value } }));
      const response = await postChat(gateway, { model: "vendor/a" });
      await response.text();
      expect(response.status).toBe(429);
      const passed = response.headers.get("retry-after");
      if (passed !== null) expect(passed).toMatch(/^\d{1,6}$/);
    }
  });
});

describe("an answer that is no answer", () => {
  const both = [false, true];
  test("200 with an error object has the error's own status", async () => {
    for (const stream of both) {
      for (const [code, status] of [
        [429, 429],
        [502, 503],
        [401, 503],
        [400, 400],
      ] as const) {
        upstream.set("vendor/a", body(errorBody(code, { message: "Inside a 200" })));
        const response = await postChat(gateway, { model: "vendor/a", stream });
        expect(response.status).toBe(status);
        expect((await errorOf(response)).message).toContain("Inside a 200");
      }
    }
  });

  test("a 200 completion whose choice carries an error is a failure", async () => {
    const choice = {
      index: 0,
      message: { role: "assistant", content: "" },
      finish_reason: "error",
      error: { code: 502, message: "Broke" },
    };
    upstream.set("vendor/a", body(JSON.stringify({ id: "gen-1", model: "vendor/a", choices: [choice] })));
    const response = await postChat(gateway, { model: "vendor/a" });
    expect(response.status).toBe(503);
    expect((await errorOf(response)).message).toContain("Broke");
  });

  test("HTML with status 200 is a 503", async () => {
    for (const stream of both) {
      upstream.set("vendor/a", body("<!doctype html><title>Hi</title>", { headers: { "content-type": "text/html" } }));
      const response = await postChat(gateway, { model: "vendor/a", stream });
      expect(response.status).toBe(503);
      await errorOf(response);
    }
  });

  test("an empty, truncated or non-JSON body of a 200 is a 503", async () => {
    for (const text of ["", `{"id":"gen-1","choices":[`, "null", `"text"`]) {
      upstream.set("vendor/a", body(text));
      const response = await postChat(gateway, { model: "vendor/a" });
      expect(response.status).toBe(503);
      await errorOf(response);
    }
  });

  test("a JSON body that is cut before its length is a 503", async () => {
    for (const ending of ["fin", "rst"] as const) {
      const headers = { "content-type": "application/json", "content-length": "500" };
      upstream.set("vendor/a", pieces([`{"id":"gen-1","model":"m",`], { framing: "length", headers, ending }));
      const response = await postChat(gateway, { model: "vendor/a" });
      expect(response.status).toBe(503);
      await errorOf(response);
    }
  });

  test("JSON answered to a stream request is a stream for the client, or a 503", async () => {
    upstream.set("vendor/a", okJson());
    const response = await postChat(gateway, { model: "vendor/a", stream: true });
    if (response.status === 503) {
      await errorOf(response);
      return;
    }
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    const text = JSON.stringify(eventsOf(await response.text()));
    expect(text).toContain("Hello from upstream.");
    expect(text).toContain(`"finish_reason":"stop"`);
  });

  test("a redirect is not followed", async () => {
    const sink = await createFakeUpstream();
    for (const status of [301, 302, 303, 307, 308]) {
      upstream.set("vendor/a", redirect(`${sink.url}/chat/completions`, status));
      const response = await postChat(gateway, { model: "vendor/a" });
      expect(response.status).toBe(503);
      await errorOf(response);
    }
    expect(sink.requests).toHaveLength(0);
    expect(sink.others).toHaveLength(0);
    await sink.close();
  });

  test("no answer at all is a 503", async () => {
    for (const how of ["fin", "rst"] as const) {
      upstream.set("vendor/a", (exchange) => exchange.cut(how));
      const response = await postChat(gateway, { model: "vendor/a" });
      expect(response.status).toBe(503);
      expect(response.headers.get("x-should-retry")).toBe("false");
      await errorOf(response);
    }
  });

  test("something that is no HTTP is a 503", async () => {
    upstream.set("vendor/a", (exchange) => {
      exchange.writeRaw("220 smtp.example ESMTP\r\n\r\n");
      exchange.cut("fin");
    });
    const response = await postChat(gateway, { model: "vendor/a" });
    expect(response.status).toBe(503);
    await errorOf(response);
  });

  test("a refused connection is a 503 that names the upstream", async () => {
    const server = createServer();
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await listening;
    const { port } = server.address() as { port: number };
    server.close();
    await using lonely = await startGateway({ env: { OR_BASE_URL: `http://127.0.0.1:${port}/api/v1` } });
    const response = await postChat(lonely, {});
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toMatchObject({ type: "server_error", code: "upstream_unreachable" });
    expect(response.headers.get("x-should-retry")).toBe("false");
  });
});

describe("the first event of a stream", () => {
  test("that is an error becomes a real status", async () => {
    for (const [code, status] of [
      [429, 429],
      [502, 503],
      [400, 400],
    ] as const) {
      for (const choices of [undefined, "empty"] as const) {
        for (const comments of ["", ": OPENROUTER PROCESSING\n\n"]) {
          const options = { code, message: "Broke at once", ...(choices && { choices }) };
          upstream.set(
            "vendor/a",
            streamOf((model) => [comments, event(errorChunk(model, options))]),
          );
          const response = await postChat(gateway, { model: "vendor/a", stream: true });
          expect(response.status).toBe(status);
          expect((await errorOf(response)).message).toContain("Broke at once");
        }
      }
    }
  });

  test("that is an error after a role chunk still becomes a real status", async () => {
    upstream.set(
      "vendor/a",
      streamOf((model) => [event(deltaChunk(model, { role: "assistant", content: "" })), event(errorChunk(model))]),
    );
    const response = await postChat(gateway, { model: "vendor/a", stream: true });
    expect(response.status).toBe(503);
  });

  test("that comes with the first content becomes a real status: the client has seen nothing yet", async () => {
    upstream.set(
      "vendor/a",
      pieces([[...start("vendor/a"), event(errorChunk("vendor/a", { message: "Broke at once" }))].join("")]),
    );
    const response = await postChat(gateway, { model: "vendor/a", stream: true });
    expect(response.status).toBe(503);
    expect((await errorOf(response)).message).toContain("Broke at once");
  });

  test("that is a bare error object, or named error, becomes a real status", async () => {
    for (const text of [
      `data: ${errorBody(503)}\n\n`,
      `event: error\ndata: ${errorBody(503)}\n\n`,
      `data: {"error":"text"}\n\n`,
    ]) {
      upstream.set("vendor/a", pieces([text]));
      const response = await postChat(gateway, { model: "vendor/a", stream: true });
      expect(response.status).toBe(503);
      await errorOf(response);
    }
  });

  test("that is the end becomes a 503", async () => {
    for (const list of [[], ["data: [DONE]\n\n"], [": OPENROUTER PROCESSING\n\n"]]) {
      upstream.set("vendor/a", pieces(list));
      const response = await postChat(gateway, { model: "vendor/a", stream: true });
      expect(response.status).toBe(503);
      await errorOf(response);
    }
  });
});

const brokeLater = (model: string, options: Parameters<typeof errorChunk>[1] = {}) =>
  event(errorChunk(model, { message: "Broke later", ...options }));

describe("a stream that breaks after content", () => {
  const half = `data: {"id":"gen-1","mod`;
  const breaks: Record<string, [rest: (model: string) => string[], options?: Parameters<typeof streamOf>[1]]> = {
    "with an error chunk": [(model) => [brokeLater(model)]],
    "with an error chunk without choices": [(model) => [brokeLater(model, { choices: "empty" })]],
    "with an error chunk and [DONE]": [(model) => [brokeLater(model), event("[DONE]")]],
    "with an error event": [() => [`event: error\ndata: ${errorBody(502)}\n\n`]],
    "by a reset": [() => [], { ending: "rst" }],
    "by an early close": [() => [], { ending: "fin" }],
    "by the end of a connection without terminal event": [() => [], { framing: "close" }],
    "by an end without finish_reason and [DONE]": [() => []],
    "in the middle of an event": [() => [half], { ending: "rst" }],
    "in the middle of an event, cleanly": [() => [half]],
  };

  for (const [how, [rest, options]] of Object.entries(breaks)) {
    test(`${how} ends in the error form`, async () => {
      const model = `vendor/${how.replaceAll(/\W+/g, "-")}`;
      // What breaks together with the first content could still be tried elsewhere.
      const shown = Promise.withResolvers<void>();
      const held = { from: start(model).length, until: shown.promise };
      upstream.set(
        model,
        streamOf(() => [...start(model), ...rest(model)], { ...options, held }),
      );
      const response = await postChat(gateway, { model, stream: true });
      expect(response.status).toBe(200);
      shown.resolve();
      const events = eventsOf(await response.text());
      const [finish, error, done] = events.slice(-3) as [Data, Data, string];
      expect(JSON.stringify(events)).toContain("Partial");
      expect(done).toBe("[DONE]");
      expect(Object.keys(error)).toEqual(["error"]);
      // Further facts (`metadata`) may stand beside the four.
      expect(error["error"]).toMatchObject({
        message: expect.any(String) as string,
        type: "server_error",
        code: expect.any(String) as string,
        param: null,
      });
      const [choice] = finish["choices"] as { delta: Data; finish_reason: string }[];
      expect(choice?.finish_reason).toBe("error");
      expect(choice?.delta["content"] ?? "").toBe("");
      expect(finish["model"]).toBe("orcestator");
      expect(JSON.stringify(events)).not.toContain(`"finish_reason":"stop"`);
      expect(events.filter((one) => one === "[DONE]")).toHaveLength(1);
      const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === model);
      expect(line?.assistant).toContain("[503 ");
    });
  }

  test("with a content filter or length as its reason is no failure", async () => {
    for (const reason of ["content_filter", "length"]) {
      upstream.set(
        "vendor/a",
        streamOf((model) => [...start(model), event(deltaChunk(model, {}, reason)), event("[DONE]")]),
      );
      const text = await (await postChat(gateway, { model: "vendor/a", stream: true })).text();
      expect(text).not.toContain(`"error"`);
    }
  });
});

const whole = (model: string) => [event(deltaChunk(model, { content: "All" })), event(deltaChunk(model, {}, "stop"))];

describe("the end of a good stream", () => {
  test("without [DONE] is a success, and the client gets its [DONE] or the bytes as they were", async () => {
    upstream.set("vendor/no-done", streamOf(whole));
    const text = await (await postChat(gateway, { model: "vendor/no-done", stream: true })).text();
    expect(text).toContain(`"finish_reason":"stop"`);
    expect(text).not.toContain(`"error"`);
    const [line] = await gateway.trafficLines(1, ({ originalModel }) => originalModel === "vendor/no-done");
    expect(line?.assistant).toBe("All");
  });

  test("cut after the finish chunk is a success too", async () => {
    upstream.set("vendor/late-cut", streamOf(whole, { ending: "rst" }));
    const text = await (await postChat(gateway, { model: "vendor/late-cut", stream: true })).text();
    expect(text).toContain(`"finish_reason":"stop"`);
    expect(text).not.toContain(`"error"`);
  });

  test("is known by [DONE] without a blank before it", async () => {
    upstream.set(
      "vendor/a",
      streamOf((model) => [...whole(model), "data:[DONE]\n\n"], { ending: "rst" }),
    );
    const text = await (await postChat(gateway, { model: "vendor/a", stream: true })).text();
    expect(text).toEndWith("data:[DONE]\n\n");
  });

  test("may come without any content", async () => {
    upstream.set("vendor/empty", okStream({ content: [] }));
    const response = await postChat(gateway, { model: "vendor/empty", stream: true });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain(`"finish_reason":"stop"`);
    expect(upstream.of("vendor/empty")).toHaveLength(1);
  });

  test("comes once: what follows [DONE] is dropped", async () => {
    const rest = [event("[DONE]"), event("[DONE]"), event({ choices: [{ index: 0, delta: { content: "late" } }] })];
    upstream.set(
      "vendor/a",
      streamOf((model) => [...whole(model), ...rest], { ending: "hang" }),
    );
    const text = await (await postChat(gateway, { model: "vendor/a", stream: true })).text();
    expect(text.split("[DONE]")).toHaveLength(2);
    expect(text).not.toContain("late");
    expect(await upstream.requests[0]?.ended).toBe("aborted");
  });
});

test("nothing wrong was sent upstream", () => expect(upstream.violations).toEqual([]));

import { describe, expect, test } from "bun:test";
import { GatewayError, type ErrorCode } from "../../../src/errors.ts";
import { utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { encodeError, encodeErrorInStream } from "../../../src/protocols/openai-chat/error.ts";
import { decodeUpstreamError } from "../../../src/protocols/upstream-error.ts";
import { newObservation } from "../../../src/protocols/protocol.ts";
import { eventsOf } from "../../support/chat.ts";
import { wounded } from "../../lib/random-json.ts";
import { forSeeds } from "../../lib/seeded.ts";

function decode(status: number, body: unknown = "", headers: Record<string, string> = {}): GatewayError {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return decodeUpstreamError({ status, body: text, headers: new Headers(headers) });
}

interface Shown {
  message: string;
  type: string;
  code: string | null;
  param: string | null;
}

function shown(error: GatewayError): { status: number; headers: Record<string, string>; error: Shown } {
  const { status, body, headers } = encodeError(error);
  return { status, headers, ...(JSON.parse(body) as { error: Shown }) };
}

describe("an upstream's refusal", () => {
  const moderation = {
    error: { code: 403, message: "flagged", metadata: { reasons: ["violence"], flagged_input: "…" } },
  };
  const table: readonly [
    status: number,
    body: unknown,
    code: ErrorCode,
    retryable: boolean,
    shown: [status: number, type: string, code: string | null],
  ][] = [
    [400, { error: { message: "bad" } }, "invalid_request", false, [400, "invalid_request_error", null]],
    [
      400,
      { error: { message: "bad", code: "unknown_parameter" } },
      "invalid_request",
      false,
      [400, "invalid_request_error", "unknown_parameter"],
    ],
    [
      400,
      { error: { message: "This model's maximum context length is 10 tokens" } },
      "context_length_exceeded",
      false,
      [400, "invalid_request_error", "context_length_exceeded"],
    ],
    [
      400,
      { error: { message: "x", code: 400, metadata: { error_type: "context_length_exceeded" } } },
      "context_length_exceeded",
      false,
      [400, "invalid_request_error", "context_length_exceeded"],
    ],
    [
      401,
      { error: { message: "No auth" } },
      "upstream_rejected_credential",
      false,
      [503, "server_error", "upstream_rejected_credential"],
    ],
    [
      402,
      { error: { message: "No credits" } },
      "insufficient_quota",
      false,
      [429, "insufficient_quota", "insufficient_quota"],
    ],
    [
      403,
      { error: { message: "Key disabled" } },
      "upstream_rejected_credential",
      false,
      [503, "server_error", "upstream_rejected_credential"],
    ],
    [403, moderation, "content_policy_violation", false, [400, "invalid_request_error", "content_policy_violation"]],
    [
      403,
      { error: { message: "x", metadata: { error_type: "content_policy_violation" } } },
      "content_policy_violation",
      false,
      [400, "invalid_request_error", "content_policy_violation"],
    ],
    [
      404,
      { error: { message: "No endpoints found" } },
      "model_not_found",
      false,
      [404, "invalid_request_error", "model_not_found"],
    ],
    [408, "", "upstream_timeout", true, [503, "server_error", "upstream_timeout"]],
    [409, "", "conflict", false, [409, "invalid_request_error", "conflict"]],
    [413, "", "request_too_large", false, [413, "invalid_request_error", "request_too_large"]],
    [422, { detail: "no" }, "unprocessable", false, [422, "invalid_request_error", "unprocessable"]],
    [429, "", "rate_limit_exceeded", true, [429, "rate_limit_exceeded", "rate_limit_exceeded"]],
    [
      429,
      { error: { message: "x", code: "insufficient_quota" } },
      "insufficient_quota",
      false,
      [429, "insufficient_quota", "insufficient_quota"],
    ],
    [500, "", "upstream_error", true, [503, "server_error", "upstream_error"]],
    [502, "", "upstream_error", true, [503, "server_error", "upstream_error"]],
    [503, "", "upstream_overloaded", true, [503, "server_error", "upstream_overloaded"]],
    [504, "", "upstream_timeout", true, [503, "server_error", "upstream_timeout"]],
    [524, "", "upstream_timeout", true, [503, "server_error", "upstream_timeout"]],
    [529, "", "upstream_overloaded", true, [503, "server_error", "upstream_overloaded"]],
  ];

  for (const [status, body, code, retryable, [clientStatus, type, clientCode]] of table) {
    test(`of ${status} with ${JSON.stringify(body)} is ${code} and shown as ${clientStatus}`, () => {
      const error = decode(status, body);
      expect({ code: error.code, retryable: error.retryable }).toEqual({ code, retryable });
      expect(error.details?.["upstreamStatus"]).toBe(status);
      const { status: statusShown, error: told } = shown(error);
      expect({ statusShown, type: told.type, code: told.code }).toEqual({
        statusShown: clientStatus,
        type,
        code: clientCode,
      });
    });
  }

  test("names the field that the upstream names", () => {
    expect(shown(decode(400, { error: { message: "bad", param: "temperature" } })).error.param).toBe("temperature");
    expect(shown(decode(400, { error: { message: "bad", param: 7 } })).error.param).toBeNull();
  });

  test("carries its metadata to the client", () => {
    expect(shown(decode(403, moderation)).error).toMatchObject({ metadata: moderation.error.metadata });
  });
});

describe("its message", () => {
  test.each([
    [{ error: { message: "words" } }, "words"],
    [{ error: "words" }, "words"],
    [[{ error: { code: 400, message: "words", status: "INVALID_ARGUMENT" } }], "words"],
    [{ object: "error", message: "words", type: "BadRequestError", code: 400 }, "words"],
    [{ detail: "words" }, "words"],
    ["words", "words"],
    [{ error: { message: "outer", metadata: { raw: "inner" } } }, "outer (inner)"],
    [{ error: { message: "outer inner", metadata: { raw: "inner" } } }, "outer inner"],
    [
      { error: { message: "", metadata: { raw: "inner" } } },
      "The upstream answered 400 without an explanation. (inner)",
    ],
    ["<html><body>Bad gateway</body></html>", "The upstream answered 400 without an explanation."],
    ["", "The upstream answered 400 without an explanation."],
    [{ error: {} }, "The upstream answered 400 without an explanation."],
    [{ error: { message: { a: 1 } } }, "The upstream answered 400 without an explanation."],
  ])("of %j is %p", (body, message) => {
    expect(decode(400, body).message).toBe(message);
  });

  test("says whose credential was refused", () => {
    expect(decode(401, { error: { message: "No auth" } }).message).toBe(
      "The upstream refused the gateway's own credential (401): No auth",
    );
  });

  test("of a long text without JSON is cut", () => {
    expect(decode(500, "x".repeat(10_000)).message.length).toBeLessThanOrEqual(600);
  });
});

describe("the wait an upstream asks for", () => {
  test("is passed on in whole seconds, rounded up", () => {
    for (const [headers, seconds] of [
      [{ "retry-after": "7" }, "7"],
      [{ "retry-after": "0.2" }, "1"],
      [{ "retry-after-ms": "1500" }, "2"],
      [{ "retry-after": "0" }, "0"],
    ] as const) {
      expect(shown(decode(429, "", headers)).headers["retry-after"]).toBe(seconds);
      expect(shown(decode(503, "", headers)).headers["retry-after"]).toBe(seconds);
    }
  });

  test("is not invented", () => {
    for (const headers of [{}, { "retry-after": "soon" }])
      expect("retry-after" in shown(decode(429, "", headers)).headers).toBe(false);
  });
});

const flagOf = (error: GatewayError): string | undefined => shown(error).headers["x-should-retry"];

describe("x-should-retry", () => {
  test("stops the SDK's own retries of a final 503", () => {
    for (const status of [401, 403, 408, 500, 502, 503, 504, 529]) expect(flagOf(decode(status))).toBe("false");
  });

  test("is not said of a limit, a refusal, or a gateway that shuts down", () => {
    for (const status of [400, 402, 404, 429]) expect(flagOf(decode(status))).toBeUndefined();
    expect(flagOf(new GatewayError({ code: "draining", status: 503, message: "m" }))).toBeUndefined();
  });
});

describe("the gateway's own errors", () => {
  test.each([
    ["invalid_request", 400, 400, "invalid_request_error", null],
    ["invalid_api_key", 401, 401, "invalid_request_error", "invalid_api_key"],
    ["forbidden", 403, 403, "permission_denied", "forbidden"],
    ["not_found", 404, 404, "invalid_request_error", "not_found"],
    ["model_not_found", 404, 404, "invalid_request_error", "model_not_found"],
    ["method_not_allowed", 405, 405, "invalid_request_error", "method_not_allowed"],
    ["request_timeout", 408, 408, "invalid_request_error", "request_timeout"],
    ["request_too_large", 413, 413, "invalid_request_error", "request_too_large"],
    ["unsupported_media_type", 415, 415, "invalid_request_error", "unsupported_media_type"],
    ["internal_error", 500, 500, "server_error", "internal_error"],
    ["upstream_unreachable", 502, 503, "server_error", "upstream_unreachable"],
    ["upstream_invalid_response", 502, 503, "server_error", "upstream_invalid_response"],
    ["draining", 503, 503, "server_error", "draining"],
    ["upstream_timeout", 504, 503, "server_error", "upstream_timeout"],
  ] as const)("%s (%d) is told as %d %s %p", (code, status, told, type, codeShown) => {
    const answer = shown(new GatewayError({ code, status, message: "m" }));
    expect(answer.status).toBe(told);
    expect(answer.error).toEqual({ message: "m", type, param: null, code: codeShown });
  });
});

describe("whatever an upstream sends", () => {
  const bodies = [
    '{"error":{"message":"m","type":"t","code":"c","param":"p","metadata":{"raw":"r","error_type":"x"}}}',
    '{"error":{"code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1"}}}}',
    '[{"error":{"status":"UNAVAILABLE"}}]',
    '{"object":"error","message":null}',
    '{"detail":[{"loc":["body"],"msg":"x"}]}',
    "<html>",
    '{"error":{"__proto__":{"code":1},"metadata":{"__proto__":{"reasons":[]}}}}',
    "[".repeat(5000),
  ];

  test("the client gets an OpenAI error that is never about the client's own key", () => {
    forSeeds(6000, (random) => {
      let body = random.pick(bodies);
      for (let wound = random.below(5); wound > 0; wound -= 1) body = wounded(body, random);
      const status = random.chance(0.7) ? 300 + random.below(300) : random.below(1000);
      const { status: told, error } = shown(decode(status, body, { "retry-after": random.pick(["1", "-1", "x"]) }));
      expect({ body, status, isOurs: told >= 400 && told < 600 && told !== 401 && told !== 403 }).toEqual({
        body,
        status,
        isOurs: true,
      });
      expect([typeof error.message, typeof error.type, error.message === ""]).toEqual(["string", "string", false]);
      for (const field of [error.code, error.param]) expect(field === null || typeof field === "string").toBe(true);
    });
    expect(({} as Record<string, unknown>)["reasons"]).toBeUndefined();
  });
});

describe("the end of a broken stream", () => {
  const failure = new GatewayError({ code: "upstream_error", status: 502, message: 'broke\n\ndata: "é"' });
  const observation = { ...newObservation(), upstreamId: "gen-1\n\ndata: x" };

  test("is a finish with 'error', the error object and [DONE]", () => {
    const events = eventsOf(utf8OfLatin1(encodeErrorInStream(failure, observation, "orcestator-é")));
    expect(events).toEqual([
      {
        id: "gen-1\n\ndata: x",
        object: "chat.completion.chunk",
        created: expect.any(Number),
        model: "orcestator-é",
        choices: [{ index: 0, delta: {}, finish_reason: "error" }],
      },
      { error: { message: 'broke\n\ndata: "é"', type: "server_error", param: null, code: "upstream_error" } },
      "[DONE]",
    ]);
  });

  test("has an id where the upstream gave none", () => {
    expect(eventsOf(encodeErrorInStream(failure, newObservation(), "m"))[0]).toMatchObject({ id: expect.any(String) });
  });
});

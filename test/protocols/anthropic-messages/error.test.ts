import { describe, expect, test } from "bun:test";
import { GatewayError, type GatewayErrorOptions } from "../../../src/errors.ts";
import { anthropicMessages } from "../../../src/protocols/anthropic-messages/index.ts";
import { anthropicErrorSchema } from "../../../src/protocols/anthropic-messages/schema.ts";
import { wounded } from "../../lib/random-json.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { wire } from "./samples.ts";

function shown(error: GatewayError) {
  const { status, body, headers } = anthropicMessages.error.encode(error);
  return { status, headers, ...(JSON.parse(body) as { error: { type: string; message: string } }) };
}

const errorOf = (options: Partial<GatewayErrorOptions>): GatewayError =>
  new GatewayError({ code: "upstream_error", status: 502, message: "m", ...options });

function decode(status: number, body: unknown = "", headers: Record<string, string> = {}): GatewayError {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return anthropicMessages.error.decode({ status, body: text, headers: new Headers(headers) });
}

test.each([
  ["invalid_request", 400, 400, "invalid_request_error"],
  ["content_policy_violation", 400, 400, "invalid_request_error"],
  ["invalid_api_key", 401, 401, "authentication_error"],
  ["insufficient_quota", 402, 402, "billing_error"],
  ["forbidden", 403, 403, "permission_error"],
  ["not_found", 404, 404, "not_found_error"],
  ["model_not_found", 404, 404, "not_found_error"],
  ["method_not_allowed", 405, 405, "invalid_request_error"],
  ["request_timeout", 408, 408, "timeout_error"],
  ["conflict", 409, 409, "conflict_error"],
  ["request_too_large", 413, 413, "request_too_large"],
  ["unsupported_media_type", 415, 415, "invalid_request_error"],
  ["unprocessable", 422, 422, "invalid_request_error"],
  ["rate_limit_exceeded", 429, 429, "rate_limit_error"],
  ["internal_error", 500, 500, "api_error"],
  ["upstream_error", 502, 502, "api_error"],
  ["upstream_unreachable", 502, 502, "api_error"],
  ["upstream_invalid_response", 502, 502, "api_error"],
  ["upstream_rejected_credential", 502, 502, "api_error"],
  ["upstream_overloaded", 503, 529, "overloaded_error"],
  ["draining", 503, 529, "overloaded_error"],
  ["upstream_timeout", 504, 504, "timeout_error"],
] as const)("%s (%d) is told as %d %s", (code, status, told, type) => {
  const answer = shown(errorOf({ code, status }));
  expect([answer.status, answer.error]).toEqual([told, { type, message: "m" }]);
  expect(answer.headers["content-type"]).toBe("application/json");
});

const message = (text: string) =>
  shown(errorOf({ code: "context_length_exceeded", status: 400, message: text })).error.message;

test("a context that is too long is told in the words that clients look for", () => {
  expect(message("This model's maximum context length is 10")).toBe(
    "prompt is too long: This model's maximum context length is 10",
  );
  expect(message("prompt is too long: 300 tokens > 200 maximum")).toBe("prompt is too long: 300 tokens > 200 maximum");
});

const flagOf = (error: GatewayError): string | undefined => shown(error).headers["x-should-retry"];

describe("x-should-retry", () => {
  test("is false where the gateway has tried already, and for a wrong key", () => {
    for (const status of [401, 403, 408, 500, 502, 503, 504, 529]) expect(flagOf(decode(status))).toBe("false");
    expect(flagOf(errorOf({ code: "invalid_api_key", status: 401 }))).toBe("false");
  });

  test("is not said of a limit, a refusal, an overload with a time to come back, or a gateway that shuts down", () => {
    for (const status of [400, 402, 404, 413, 429]) expect(flagOf(decode(status))).toBeUndefined();
    expect(flagOf(decode(529, "", { "retry-after": "3" }))).toBeUndefined();
    expect(flagOf(errorOf({ code: "draining", status: 503 }))).toBeUndefined();
    expect(flagOf(errorOf({ code: "internal_error", status: 500 }))).toBeUndefined();
  });
});

test("the wait that an upstream asks for is passed on in whole seconds", () => {
  expect(shown(decode(429, "", { "retry-after": "0.2" })).headers["retry-after"]).toBe("1");
  expect(shown(decode(529, "", { "retry-after-ms": "1500" })).headers["retry-after"]).toBe("2");
  expect("retry-after" in shown(decode(429)).headers).toBe(false);
});

test("the upstream's id for a failed request is named", () => {
  const error = errorOf({ headers: { "request-id": "req_9" } });
  expect(JSON.parse(anthropicMessages.error.encode(error).body)).toMatchObject({ request_id: "req_9" });
});

describe("Anthropic's refusal", () => {
  test.each([
    [400, "invalid_request"],
    [401, "upstream_rejected_credential"],
    [402, "insufficient_quota"],
    [403, "upstream_rejected_credential"],
    [404, "model_not_found"],
    [413, "request_too_large"],
    [429, "rate_limit_exceeded"],
    [500, "upstream_error"],
    [529, "upstream_overloaded"],
  ] as const)("of %d is %s", (status, code) => {
    const error = decode(status, wire.refusal(status, "words").body);
    expect(error.code).toBe(code);
    expect(error.message).toContain("words");
  });

  test("of a prompt that is too long is known by its words", () => {
    const body = wire.refusal(400, "prompt is too long: 208310 tokens > 200000 maximum").body;
    expect(decode(400, body).code).toBe("context_length_exceeded");
  });

  test("of an account without credit is the gateway's affair, though Anthropic says 400", () => {
    const body = wire.refusal(400, "Your credit balance is too low to access the Anthropic API.").body;
    expect(decode(400, body)).toMatchObject({ code: "insufficient_quota", status: 402 });
  });
});

test("whatever an upstream sends, the client gets Anthropic's error and never one of its own key", () => {
  const bodies = [
    '{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}',
    '{"error":{"message":"m","type":"t","code":"c","metadata":{"raw":"r"}}}',
    '[{"error":{"status":"UNAVAILABLE"}}]',
    "<html>",
    '{"type":"error"}',
    "[".repeat(5000),
  ];
  forSeeds(3000, (random) => {
    let body = random.pick(bodies);
    for (let wound = random.below(5); wound > 0; wound -= 1) body = wounded(body, random);
    const error = decode(random.chance(0.7) ? 300 + random.below(300) : random.below(1000), body);
    const { status, body: told } = anthropicMessages.error.encode(error);
    expect(status >= 400 && status < 600 && status !== 401 && status !== 403).toBe(true);
    expect(anthropicErrorSchema.safeParse(JSON.parse(told)).success).toBe(true);
  });
});

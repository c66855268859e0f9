import { describe, expect, test } from "bun:test";
import { GatewayError, invalidRequest, type ErrorCode } from "../../../src/errors.ts";
import { geminiGenerate } from "../../../src/protocols/gemini-generate/index.ts";
import { wire } from "./samples.ts";

function shown(error: GatewayError) {
  const { status, body, headers } = geminiGenerate.error.encode(error);
  return { status, headers, error: (JSON.parse(body) as { error: Record<string, unknown> }).error };
}

describe("an error in Google's shape", () => {
  const table: readonly [ErrorCode, number, number, string][] = [
    ["invalid_request", 400, 400, "INVALID_ARGUMENT"],
    ["context_length_exceeded", 400, 400, "INVALID_ARGUMENT"],
    ["content_policy_violation", 400, 403, "PERMISSION_DENIED"],
    ["invalid_api_key", 401, 401, "UNAUTHENTICATED"],
    ["insufficient_quota", 402, 402, "FAILED_PRECONDITION"],
    ["forbidden", 403, 403, "PERMISSION_DENIED"],
    ["model_not_found", 404, 404, "NOT_FOUND"],
    ["conflict", 409, 409, "ABORTED"],
    ["request_too_large", 413, 413, "INVALID_ARGUMENT"],
    ["unprocessable", 422, 422, "INVALID_ARGUMENT"],
    ["rate_limit_exceeded", 429, 429, "RESOURCE_EXHAUSTED"],
    ["client_cancelled", 499, 499, "CANCELLED"],
    ["internal_error", 500, 500, "INTERNAL"],
    ["upstream_error", 502, 502, "INTERNAL"],
    ["upstream_rejected_credential", 502, 502, "INTERNAL"],
    ["upstream_overloaded", 503, 503, "UNAVAILABLE"],
    ["draining", 503, 503, "UNAVAILABLE"],
    ["upstream_timeout", 504, 504, "DEADLINE_EXCEEDED"],
  ];
  for (const [code, status, http, word] of table) {
    test(`${code} is ${http} ${word}`, () => {
      const { status: told, error } = shown(new GatewayError({ code, status, message: "What happened." }));
      expect([told, error]).toEqual([http, { code: http, message: "What happened.", status: word }]);
    });
  }

  test("says how long to wait, in the header and in the details", () => {
    const error = new GatewayError({ code: "rate_limit_exceeded", status: 429, message: "x", retryAfterSeconds: 34.4 });
    const { headers, error: body } = shown(error);
    expect(headers["retry-after"]).toBe("35");
    expect(body["details"]).toEqual([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" }]);
  });

  test("names the field that is wrong", () => {
    expect(shown(invalidRequest("`contents` is missing.", "contents")).error["details"]).toEqual([
      {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        fieldViolations: [{ field: "contents", description: "`contents` is missing." }],
      },
    ]);
  });
});

test("an upstream's refusal is read with what it says of waiting", () => {
  const details = [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.5s" }];
  const body = JSON.stringify({ error: { code: 429, message: "Slow down", status: "RESOURCE_EXHAUSTED", details } });
  const error = geminiGenerate.error.decode({ status: 429, headers: new Headers(), body });
  expect([error.code, error.retryAfterSeconds, error.message]).toEqual(["rate_limit_exceeded", 1.5, "Slow down"]);
  const { body: played } = wire.refusal(404, "no such model");
  expect(geminiGenerate.error.decode({ status: 404, headers: new Headers(), body: played }).code).toBe(
    "model_not_found",
  );
});

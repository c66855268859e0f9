import { describe, expect, test } from "bun:test";
import { GatewayError, invalidRequest, withoutSecret } from "../src/errors.ts";

test("an error is not worth a retry unless it says so", () => {
  const options = { code: "upstream_error", status: 502, message: "m" } as const;
  expect(new GatewayError(options).retryable).toBe(false);
  expect(new GatewayError({ ...options, retryable: true }).retryable).toBe(true);
});

test("an error with a wait is the same error otherwise", () => {
  const cause = new Error("inner");
  const options = {
    code: "rate_limit_exceeded",
    status: 429,
    message: "slow",
    retryable: true,
    param: "p",
    details: { upstreamStatus: 429 },
    cause,
  } as const;
  const waiting = new GatewayError(options).with({ retryAfterSeconds: 30 });
  expect(waiting).toBeInstanceOf(GatewayError);
  expect(waiting).toMatchObject({ ...options, retryAfterSeconds: 30 });
});

test("an invalid request is the client's 400 and names its field", () => {
  const { code, status, param, retryable } = invalidRequest("m", "messages");
  expect({ code, status, param, retryable }).toEqual({
    code: "invalid_request",
    status: 400,
    param: "messages",
    retryable: false,
  });
});

describe("an error without a secret", () => {
  const secret = 'sk-"quoted"-0123456789';
  const quoting = new GatewayError({
    code: "upstream_rejected_credential",
    status: 502,
    message: `Incorrect API key provided: ${secret}. (${secret})`,
    retryAfterSeconds: 3,
    details: { upstreamStatus: 401, metadata: { raw: [`key ${secret}`] } },
  });

  test("has it masked in its message and in its details, however deep", () => {
    const safe = withoutSecret(quoting, secret);
    expect(safe.message).toBe("Incorrect API key provided: [credential]. ([credential])");
    expect(safe.details).toEqual({ upstreamStatus: 401, metadata: { raw: ["key [credential]"] } });
    expect([safe.code, safe.retryAfterSeconds]).toEqual(["upstream_rejected_credential", 3]);
  });

  test("is itself where there is nothing to mask: no secret, none in it, too short a one, no error of ours", () => {
    const bare = new GatewayError({ code: "upstream_error", status: 502, message: "The key is bad." });
    const bug = new Error(secret);
    expect(withoutSecret(quoting, undefined)).toBe(quoting);
    expect(withoutSecret(bare, secret)).toBe(bare);
    expect(withoutSecret(bare, "key")).toBe(bare);
    expect(withoutSecret(bug, secret)).toBe(bug);
  });
});

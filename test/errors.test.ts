import { expect, test } from "bun:test";
import { GatewayError, invalidRequest } from "../src/errors.ts";

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

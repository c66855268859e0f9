import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { networkFailure } from "../../src/transport/failure.ts";

function errorWith(code: unknown): Error {
  return Object.assign(new Error("secret detail of the network"), { code });
}

describe("a network failure", () => {
  test.each([
    ["ECONNREFUSED", "upstream_unreachable", true, "refused the connection"],
    ["ConnectionRefused", "upstream_unreachable", true, "refused the connection"],
    ["FailedToOpenSocket", "upstream_unreachable", true, "cannot be reached"],
    ["ENOTFOUND", "upstream_unreachable", true, "has no address"],
    ["EAI_AGAIN", "upstream_unreachable", true, "has no address"],
    ["EHOSTUNREACH", "upstream_unreachable", true, "cannot be reached"],
    ["ENETUNREACH", "upstream_unreachable", true, "cannot be reached"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "upstream_unreachable", false, "TLS"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "upstream_unreachable", false, "TLS"],
    ["CERT_HAS_EXPIRED", "upstream_unreachable", false, "TLS"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "upstream_unreachable", false, "TLS"],
    ["EPROTO", "upstream_unreachable", false, "TLS"],
    ["ZlibError", "upstream_invalid_response", false, "damaged compressed"],
    ["BrotliDecompressionError", "upstream_invalid_response", false, "damaged compressed"],
    ["ECONNRESET", "upstream_error", true, "broke (ECONNRESET)"],
    ["ECONNABORTED", "upstream_error", true, "broke (ECONNABORTED)"],
    ["", "upstream_error", true, "broke."],
  ] as const)("with code %p is %s, worth a retry: %p", (code, expected, retryable, says) => {
    const error = errorWith(code);
    const failure = networkFailure(error, "api.test:8443");
    expect({ code: failure.code, retryable: failure.retryable, status: failure.status }).toEqual({
      code: expected,
      retryable,
      status: 502,
    });
    expect(failure.message).toContain(says);
    expect(failure.message).toContain("api.test:8443");
    expect(failure.message).not.toContain("secret");
    expect(failure.cause).toBe(error);
  });

  test("of any other kind is a broken connection", () => {
    for (const error of [
      undefined,
      null,
      "text",
      5,
      {},
      new Error("x"),
      errorWith(23),
      new DOMException("x", "TimeoutError"),
    ])
      expect(networkFailure(error, "h").code).toBe("upstream_error");
  });

  test("that was understood before stays as it was", () => {
    const known = new GatewayError({ code: "draining", status: 503, message: "m" });
    expect(networkFailure(known, "h")).toBe(known);
  });
});

import { describe, expect, test } from "bun:test";
import { requestHeadersFor, responseHeadersFor } from "../../src/transport/headers.ts";

describe("a client's headers", () => {
  test("go upstream when they are on the list, whatever their case", () => {
    const client = new Headers({
      "HTTP-Referer": "https://app.test",
      "X-Title": "App",
      "anthropic-beta": "a,b",
      "anthropic-version": "2026-10-21",
      "X-OpenRouter-Metadata": "enabled",
      "x-session-id": "s",
      "Idempotency-Key": "i",
    });
    expect(requestHeadersFor(client)).toEqual({
      "http-referer": "https://app.test",
      "x-title": "App",
      "anthropic-beta": "a,b",
      "anthropic-version": "2026-10-21",
      "x-openrouter-metadata": "enabled",
      "x-session-id": "s",
      "idempotency-key": "i",
    });
  });

  test("stay here when they are not: keys, cookies, addresses, hop-by-hop", () => {
    const names = [
      "authorization",
      "x-api-key",
      "api-key",
      "x-goog-api-key",
      "cookie",
      "host",
      "connection",
      "content-length",
      "transfer-encoding",
      "te",
      "upgrade",
      "forwarded",
      "x-forwarded-for",
      "x-real-ip",
      "origin",
      "referer",
      "user-agent",
      "accept-encoding",
      "content-encoding",
      "proxy-authorization",
      "x-orch-task-kind",
      "x-unknown",
    ];
    expect(requestHeadersFor(new Headers(names.map((name) => [name, "value"] as [string, string])))).toEqual({});
  });
});

describe("an upstream's headers", () => {
  test("reach the client when they are on the list or tell of rate limits", () => {
    const allowed = {
      "request-id": "r",
      "x-generation-id": "gen-1",
      "retry-after": "5",
      "retry-after-ms": "5000",
      "openai-processing-ms": "12",
      "x-openrouter-metadata": "m",
      "x-ratelimit-remaining-requests": "9",
      "anthropic-ratelimit-tokens-reset": "2026-11-20T12:00:00Z",
    };
    expect(responseHeadersFor(new Headers(allowed))).toEqual(allowed);
  });

  test("stay here when they are not: framing, cookies, other servers' promises", () => {
    const names = [
      "content-length",
      "content-encoding",
      "transfer-encoding",
      "connection",
      "set-cookie",
      "server",
      "location",
      "access-control-allow-origin",
      "x-should-retry",
      "x-request-id",
      "content-type",
      "strict-transport-security",
      "xx-ratelimit-limit",
    ];
    expect(responseHeadersFor(new Headers(names.map((name) => [name, "value"] as [string, string])))).toEqual({});
  });

  test("are dropped when they hold what no header may hold, or too much", () => {
    for (const value of ["é", "a\u0080b", "x".repeat(4097)])
      expect(responseHeadersFor(new Headers({ "request-id": value, "retry-after": "5" }))).toEqual({
        "retry-after": "5",
      });
    const longest = "x".repeat(4096);
    expect(responseHeadersFor(new Headers({ "request-id": longest }))).toEqual({ "request-id": longest });
  });
});

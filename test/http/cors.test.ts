import { describe, expect, test } from "bun:test";
import { createCors } from "../../src/http/cors.ts";

const origin = "https://app.test";

function request(headers: Record<string, string>, method = "OPTIONS"): Request {
  return new Request("http://localhost:8000/v1/chat/completions", { method, headers });
}

function marked(origins: readonly string[], headers: Record<string, string>): Headers {
  const response = new Response("x", { headers: { vary: "accept" } });
  createCors(origins).mark(request(headers, "GET"), response);
  return response.headers;
}

const preflightHeaders = { origin, "access-control-request-method": "POST" };

describe("a preflight", () => {
  test("of an allowed origin is answered for that origin", () => {
    const response = createCors([origin, "https://other.test"]).preflight(
      request({ ...preflightHeaders, "access-control-request-headers": "authorization, x-custom" }),
    );
    expect(response?.status).toBe(204);
    expect(response?.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response?.headers.get("access-control-allow-headers")).toBe("authorization, x-custom");
    expect(response?.headers.get("access-control-allow-methods")).toContain("POST");
    expect(response?.headers.get("vary")).toBe("origin");
  });

  test("names usual headers where none are asked for", () => {
    const headers = createCors([origin]).preflight(request(preflightHeaders))?.headers;
    expect(headers?.get("access-control-allow-headers")).toContain("authorization");
  });

  test("is answered for any origin with *", () => {
    expect(createCors(["*"]).preflight(request(preflightHeaders))?.headers.get("access-control-allow-origin")).toBe(
      "*",
    );
  });

  test.each([
    "https://app.test.evil.test",
    "https://evil-app.test",
    "http://app.test",
    "https://app.test:8443",
    "https://APP.test",
    "https://sub.app.test",
    "https://app.test/",
    "null",
    "",
    "*",
  ])("of %p is not answered", (stranger) => {
    expect(createCors([origin]).preflight(request({ ...preflightHeaders, origin: stranger }))).toBeUndefined();
  });

  test("is none without its own headers, or where nothing is allowed", () => {
    expect(createCors([origin]).preflight(request({ origin }))).toBeUndefined();
    expect(createCors([origin]).preflight(request({ "access-control-request-method": "POST" }))).toBeUndefined();
    expect(createCors([]).preflight(request(preflightHeaders))).toBeUndefined();
  });
});

describe("an answer", () => {
  test("may be read by the page of an allowed origin, with the headers it needs", () => {
    const headers = marked([origin], { origin });
    expect(headers.get("access-control-allow-origin")).toBe(origin);
    expect(headers.get("access-control-expose-headers")).toContain("x-request-id");
    expect(headers.get("vary")).toBe("accept, origin");
  });

  test("says nothing to others", () => {
    for (const headers of [{}, { origin: "https://evil.test" }, { origin: "null" }])
      expect(marked([origin], headers as Record<string, string>).get("access-control-allow-origin")).toBeNull();
    expect(marked([], { origin }).get("access-control-allow-origin")).toBeNull();
  });

  test("is never for cookies", () => {
    for (const origins of [[origin], ["*"]]) {
      expect(marked(origins, { origin }).get("access-control-allow-credentials")).toBeNull();
      const preflight = createCors(origins).preflight(request(preflightHeaders));
      expect(preflight?.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });
});

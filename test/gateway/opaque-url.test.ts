import { describe, expect, test } from "bun:test";
import { opaqueUrl } from "../../src/gateway/opaque-url.ts";

const none = new URLSearchParams();

describe("the URL of /p/{provider}/…", () => {
  test.each([
    ["https://api.openai.com/v1", "/files", "https://api.openai.com/v1/files"],
    ["https://api.openai.com/v1", "/v1/files/abc", "https://api.openai.com/v1/files/abc"],
    ["https://api.anthropic.com", "/v1/models", "https://api.anthropic.com/v1/models"],
    ["https://host/openai/v1", "/batches", "https://host/openai/v1/batches"],
    ["https://host/v1beta", "/v1beta/files", "https://host/v1beta/files"],
    ["https://host/v1", "/v10/files", "https://host/v1/v10/files"],
  ])("below %s, %s is %s", (baseUrl, path, url) => {
    expect(opaqueUrl(baseUrl, path, none).href).toBe(url);
  });

  test("keeps the query but for a key", () => {
    const url = opaqueUrl("https://host/v1", "/files", new URLSearchParams("limit=2&key=secret&after=a%20b"));
    expect(url.search).toBe("?limit=2&after=a+b");
  });

  test.each(["/../admin", "/%2e%2e/admin", "/a/../../admin", String.raw`/..\admin`, "/.%2E/x"])(
    "%s does not leave the base URL",
    (path) => {
      expect(() => opaqueUrl("https://host/v1", path, none)).toThrow("leads out");
    },
  );

  test("never leads to another host", () => {
    for (const path of ["//evil.test/x", "/@evil.test/", "/http://evil.test/", String.raw`/\evil.test`])
      expect(opaqueUrl("https://host/v1", path, none).host).toBe("host");
  });
});

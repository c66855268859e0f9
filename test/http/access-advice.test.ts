import { expect, test } from "bun:test";
import type { ServerConfig } from "../../src/config/schema.ts";
import { createAccess } from "../../src/http/access.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";

interface Case {
  anonymous?: ServerConfig["anonymous"];
  cors?: readonly string[];
  address?: string;
  headers?: Record<string, string>;
}

/** The words of the refusal of a call without a key. */
function refusalOf({ anonymous = "loopback", cors = [], address = "127.0.0.1", headers = {} }: Case): string {
  const none = createKeyRing([]);
  const access = createAccess({
    anonymous,
    cors,
    overrides: "keys",
    keyHeader: "x-api-key",
    inboundKeys: none,
    adminKeys: none,
    connections: {
      addressOf: () => address,
      methodOf: (request) => request.method,
      pathKeyOf: () => undefined,
      allowSilence: () => undefined,
      rewrite: (request) => request,
      attach: () => undefined,
    },
  });
  const request = new Request("http://localhost:8000/v1/models", { headers: { host: "localhost:8000", ...headers } });
  try {
    access.caller(request);
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  throw new Error("the call was served");
}

const keys = "To let it in, set keys (ORCH_INBOUND_API_KEYS / keys.inbound) and send one of them";

test("a caller from too far learns which policies would let it in", () => {
  expect(refusalOf({ address: "192.168.1.7" })).toBe(
    `Calls without a key are only served here from loopback addresses. ${keys}, or set OR_ANONYMOUS / server.anonymous to private or all.`,
  );
  expect(refusalOf({ address: "203.0.113.9", anonymous: "private" })).toContain("server.anonymous to all.");
  expect(refusalOf({ anonymous: "none" })).toBe(
    `Calls without a key are not served here. ${keys}, or set OR_ANONYMOUS / server.anonymous to loopback or private or all.`,
  );
});

test("a Host that is not local is named as such, and the policy in force is not advised", () => {
  expect(refusalOf({ headers: { host: "evil.test" } })).toBe(
    `Calls without a key are refused when the Host header names no local address. ${keys}, or set OR_ANONYMOUS / server.anonymous to all.`,
  );
  expect(refusalOf({ headers: { host: "nas.local" } })).toContain("server.anonymous to private or all.");
});

test("a proxy is named by its header", () => {
  const refusal = refusalOf({ headers: { "x-real-ip": "1.2.3.4" } });
  expect(refusal).toContain("when they come through a proxy (x-real-ip). ");
  expect(refusal).toContain("server.anonymous to all.");
});

test("a web page's owner is told of origins, not of policies that would not help", () => {
  const page = refusalOf({ headers: { origin: "https://app.test" } });
  expect(page).toBe(
    `Calls without a key are refused when they come from a web page of another origin. ${keys}, or name the page's origin in ORCH_CORS_ALLOW_ORIGINS / server.cors.`,
  );
  expect(refusalOf({ cors: ["*"], headers: { origin: "https://app.test" } })).toContain(
    "server.cors; * counts only where keys are set.",
  );
  expect(refusalOf({ headers: { "sec-fetch-site": "cross-site" } })).toBe(
    `Calls without a key are refused when they come from a web page of another site. ${keys}.`,
  );
});

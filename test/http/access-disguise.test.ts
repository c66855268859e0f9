import { describe, expect, test } from "bun:test";
import type { ServerConfig } from "../../src/config/schema.ts";
import { GatewayError } from "../../src/errors.ts";
import { createAccess } from "../../src/http/access.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";

interface Case {
  anonymous?: ServerConfig["anonymous"];
  cors?: readonly string[];
  address?: string;
  headers?: Record<string, string>;
}

/** Whether a call without a key is served, from the address that the policy is made for. */
function isServed({ anonymous = "loopback", cors = [], address = "127.0.0.1", headers = {} }: Case): boolean {
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
  try {
    access.caller(new Request("http://localhost:8000/v1/models", { headers: { host: "localhost:8000", ...headers } }));
    return true;
  } catch (error) {
    if (error instanceof GatewayError && error.status === 401) return false;
    throw error;
  }
}

describe("a program on this machine is served", () => {
  test.each([
    "localhost:8000",
    "LOCALHOST:8000",
    "127.0.0.1:8000",
    "127.1.2.3",
    "[::1]:8000",
    "[::1]",
    "app.localhost:8000",
    "host.docker.internal:8000",
  ])("under Host %s", (host) => {
    expect(isServed({ headers: { host } })).toBe(true);
  });

  test("with the headers that programs send", () => {
    const headers = {
      "user-agent": "OpenAI/JS",
      authorization: "Bearer none",
      "sec-fetch-site": "none",
      "sec-fetch-mode": "cors",
      via: "",
    };
    expect(isServed({ headers })).toBe(true);
  });

  test("and so is a page that this gateway itself served", () => {
    for (const host of ["localhost:8000", "127.0.0.1:8000"])
      expect(isServed({ headers: { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" } })).toBe(true);
  });
});

describe("a web page of another origin is refused", () => {
  test.each([
    "https://evil.test",
    "http://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:8000",
    "http://localhost:8000.evil.test",
    "http://localhost:8000@evil.test",
    "null",
    "",
    "file://",
    "chrome-extension://abc",
    "vscode-webview://abc",
    "localhost:8000",
    "*",
  ])("with Origin %p", (origin) => {
    expect(isServed({ headers: { origin } })).toBe(false);
    expect(isServed({ anonymous: "private", headers: { origin } })).toBe(false);
    expect(isServed({ anonymous: "all", headers: { origin } })).toBe(false);
  });

  test("also when its browser sends no Origin, as for images and scripts", () => {
    for (const anonymous of ["loopback", "private", "all"] as const)
      expect(isServed({ anonymous, headers: { "sec-fetch-site": "cross-site" } })).toBe(false);
  });

  test("unless its origin is allowed", () => {
    const headers = { origin: "https://app.test", "sec-fetch-site": "cross-site" };
    expect(isServed({ cors: ["https://app.test"], headers })).toBe(true);
    expect(isServed({ cors: ["*", "https://app.test"], headers })).toBe(true);
    expect(isServed({ cors: ["https://other.test"], headers })).toBe(false);
    expect(isServed({ cors: ["https://app.test"], headers: { "sec-fetch-site": "cross-site" } })).toBe(false);
  });

  test("for which * is not enough: it would open the gateway to every page", () => {
    for (const origin of ["https://app.test", "null", "*"])
      for (const anonymous of ["loopback", "private", "all"] as const)
        expect(isServed({ anonymous, cors: ["*"], headers: { origin } })).toBe(false);
  });
});

describe("a proxy in front, which hides the real caller, is refused", () => {
  test.each(["X-Forwarded-For", "Forwarded", "X-Real-IP"])("with %s", (name) => {
    for (const value of ["127.0.0.1", "", "for=127.0.0.1"]) {
      expect(isServed({ headers: { [name]: value } })).toBe(false);
      expect(isServed({ anonymous: "private", headers: { [name]: value } })).toBe(false);
      expect(isServed({ anonymous: "all", headers: { [name]: value } })).toBe(true);
    }
  });
});

describe("a name that public DNS may point here is refused, as a page could rebind its own", () => {
  test.each([
    "evil.test",
    "evil.test:8000",
    "localhost.evil.test",
    "127.0.0.1.nip.io:8000",
    "notlocalhost",
    "a b",
    "localhost:8000, evil.test",
    "localhost#",
    "u@localhost",
    "203.0.113.9:8000",
    "0x7f.1",
    "127.1",
    "[::2]",
    "192.168.1.7:8000",
    "nas.local",
  ])("Host %p", (host) => {
    expect(isServed({ headers: { host } })).toBe(false);
  });

  test("private networks' names and addresses are near where private callers are served", () => {
    for (const host of [
      "nas:8000",
      "nas.local",
      "box.lan:8000",
      "192.168.1.7:8000",
      "10.0.0.1",
      "[fd00::1]:8000",
      "localhost",
    ])
      expect({ host, isServed: isServed({ anonymous: "private", address: "192.168.1.9", headers: { host } }) }).toEqual(
        { host, isServed: true },
      );
    for (const host of ["evil.test", "203.0.113.9", "lan.evil.test", "nas.local.evil.test"])
      expect({ host, isServed: isServed({ anonymous: "private", address: "192.168.1.9", headers: { host } }) }).toEqual(
        { host, isServed: false },
      );
  });

  test("any name will do where all are served", () => {
    expect(isServed({ anonymous: "all", address: "203.0.113.9", headers: { host: "gateway.example.com" } })).toBe(true);
  });
});

import { describe, expect, test } from "bun:test";
import type { ServerConfig } from "../../src/config/schema.ts";
import { GatewayError } from "../../src/errors.ts";
import { createAccess, type Access } from "../../src/http/access.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";

type Policy = ServerConfig["anonymous"];

interface Setting {
  anonymous?: Policy;
  inbound?: readonly string[];
  admin?: readonly string[];
  cors?: readonly string[];
  address?: string | undefined;
  pathKey?: string | undefined;
}

function accessOf(setting: Setting): Access {
  return createAccess({
    anonymous: setting.anonymous ?? "none",
    cors: setting.cors ?? [],
    overrides: "keys",
    keyHeader: "X-Own-Key",
    inboundKeys: createKeyRing(setting.inbound ?? []),
    adminKeys: createKeyRing(setting.admin ?? []),
    connections: {
      addressOf: () => setting.address,
      methodOf: (request) => request.method,
      pathKeyOf: () => setting.pathKey,
      allowSilence: () => undefined,
      rewrite: (request) => request,
      attach: () => undefined,
    },
  });
}

function requestOf(headers: Record<string, string> = {}, url = "http://localhost:8000/v1/models"): Request {
  return new Request(url, { headers: { host: new URL(url).host, ...headers } });
}

/** Who is let in, or the words of the refusal. */
function decide(setting: Setting, request = requestOf()): { keyId: string } | { refusal: string } {
  try {
    return { keyId: accessOf(setting).caller(request).keyId };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect({ code: error.code, status: error.status }).toEqual({ code: "invalid_api_key", status: 401 });
    return { refusal: error.message };
  }
}

const isServed = (setting: Setting, request = requestOf()): boolean => "keyId" in decide(setting, request);

interface Presented {
  request: Request;
  pathKey?: string;
}

const carriers: Record<string, (token: string) => Presented> = {
  Bearer: (token) => ({ request: requestOf({ authorization: `Bearer ${token}` }) }),
  "bearer in small letters, with spaces": (token) => ({
    request: requestOf({ authorization: `  bearer   ${token} ` }),
  }),
  "a bare authorization": (token) => ({ request: requestOf({ authorization: token }) }),
  "x-api-key": (token) => ({ request: requestOf({ "x-api-key": token }) }),
  "api-key": (token) => ({ request: requestOf({ "Api-Key": token }) }),
  "x-goog-api-key": (token) => ({ request: requestOf({ "x-goog-api-key": token }) }),
  "the configured header": (token) => ({ request: requestOf({ "x-own-key": token }) }),
  "?key=": (token) => ({
    request: requestOf({}, `http://localhost:8000/v1/models?a=b&key=${encodeURIComponent(token)}`),
  }),
  "a path prefix": (token) => ({ request: requestOf(), pathKey: token }),
};
const policies: readonly Policy[] = ["none", "loopback", "private", "all"];
const addresses = {
  loopback: "127.0.0.1",
  "loopback over IPv6": "::1",
  mapped: "::ffff:127.0.0.1",
  private: "192.168.1.7",
  public: "203.0.113.9",
  unknown: undefined,
} as const;

describe("with inbound keys, every carrier, policy and address decides alike:", () => {
  const keys = { inbound: ["sk-right", "sk-other"], admin: ["admin-token"] };

  for (const [name, present] of Object.entries(carriers)) {
    test(name, () => {
      for (const anonymous of policies)
        for (const address of Object.values(addresses)) {
          const decisionFor = (token: string): string => {
            const { request, pathKey } = present(token);
            const decision = decide({ ...keys, anonymous, address, pathKey }, request);
            return "keyId" in decision ? decision.keyId : "refused";
          };
          expect(decisionFor("sk-right")).toMatch(/^key-[0-9a-f]{8}$/);
          expect(decisionFor("sk-other")).not.toBe(decisionFor("sk-right"));
          expect(decisionFor("admin-token")).toBe("admin");
          for (const wrong of [
            "sk-wrong",
            "sk-righ",
            "sk-rightx",
            "SK-RIGHT",
            "sk-right, sk-right",
            "Bearer sk-right x",
            "anonymous",
            "key-00000000",
          ])
            expect({ anonymous, address, wrong, decision: decisionFor(wrong) }).toEqual({
              anonymous,
              address,
              wrong,
              decision: "refused",
            });
        }
    });
  }

  test("no key, and every form of an empty one, is none", () => {
    const empties: Presented[] = [
      { request: requestOf() },
      ...["", " ", "Bearer", "Bearer ", "bearer   "].map((authorization) => ({
        request: requestOf({ authorization }),
      })),
      ...["x-api-key", "api-key", "x-own-key"].map((name) => ({ request: requestOf({ [name]: " " }) })),
      { request: requestOf({}, "http://localhost:8000/v1/models?key=") },
      { request: requestOf(), pathKey: "" },
    ];
    for (const anonymous of policies)
      for (const { request, pathKey } of empties) {
        const decision = decide({ ...keys, anonymous, address: "127.0.0.1", pathKey }, request);
        expect("refusal" in decision && decision.refusal).toContain("needs a key");
      }
  });

  test("a right key is found beside a wrong one", () => {
    const request = requestOf({ authorization: "Bearer placeholder", "x-api-key": "sk-right" });
    expect(isServed({ ...keys, address: "203.0.113.9" }, request)).toBe(true);
  });

  test("a refusal says how to send a key, and nothing of any key", () => {
    const decision = decide({ ...keys, address: "127.0.0.1" }, requestOf({ authorization: "Bearer sk-wrong" }));
    const text = "refusal" in decision ? decision.refusal : "";
    expect(text).toContain("Authorization: Bearer");
    expect(text).toContain("X-Own-Key");
    for (const secret of ["sk-wrong", "sk-right", "admin-token"]) expect(text).not.toContain(secret);
  });

  test("the disguises that anonymous calls are refused for do not matter", () => {
    const request = requestOf({
      authorization: "Bearer sk-right",
      origin: "https://evil.test",
      "x-forwarded-for": "1.2.3.4",
      host: "gateway.example.com",
    });
    expect(isServed({ ...keys, address: "203.0.113.9" }, request)).toBe(true);
  });
});

describe("without inbound keys", () => {
  const served: Record<Policy, readonly (keyof typeof addresses)[]> = {
    none: [],
    loopback: ["loopback", "loopback over IPv6", "mapped"],
    private: ["loopback", "loopback over IPv6", "mapped", "private"],
    all: ["loopback", "loopback over IPv6", "mapped", "private", "public", "unknown"],
  };
  for (const anonymous of policies)
    test(`and anonymous: ${anonymous}, just these are served: ${served[anonymous].join(", ") || "nobody"}`, () => {
      for (const [name, address] of Object.entries(addresses)) {
        const decision = decide({ anonymous, address });
        const expected = (served[anonymous] as readonly string[]).includes(name);
        expect({ name, isServed: "keyId" in decision }).toEqual({ name, isServed: expected });
        if ("refusal" in decision) expect(decision.refusal).toContain("OR_ANONYMOUS");
        else expect(decision.keyId).toBe("anonymous");
      }
    });

  test("whatever key a client presents is ignored", () => {
    for (const present of Object.values(carriers)) {
      const { request, pathKey } = present("sk-whatever");
      expect(decide({ anonymous: "loopback", address: "127.0.0.1", pathKey }, request)).toEqual({ keyId: "anonymous" });
      expect(isServed({ anonymous: "loopback", address: "203.0.113.9", pathKey }, request)).toBe(false);
    }
  });

  test("the admin token is known wherever it comes from", () => {
    for (const address of Object.values(addresses))
      expect(decide({ admin: ["admin-token"], address }, requestOf({ "x-api-key": "admin-token" }))).toEqual({
        keyId: "admin",
      });
  });
});

function adminRefusal(setting: Setting, request: Request): string | undefined {
  try {
    accessOf(setting).admin(request, "viewer");
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError && error.status === 401) return error.message;
    throw error;
  }
}

describe("the administration", () => {
  test("opens for the admin token in every carrier, and for nothing else", () => {
    for (const present of Object.values(carriers)) {
      const refusalFor = (token: string): string | undefined => {
        const { request, pathKey } = present(token);
        return adminRefusal(
          { admin: ["admin-token"], inbound: ["sk-right"], anonymous: "all", address: "127.0.0.1", pathKey },
          request,
        );
      };
      expect(refusalFor("admin-token")).toBeUndefined();
      for (const wrong of ["sk-right", "admin", "admin-token2", "ADMIN-TOKEN"])
        expect(refusalFor(wrong)).toContain("AUTH_TOKEN");
    }
  });

  test("is closed to everyone where no token is set, loopback too", () => {
    const setting: Setting = { anonymous: "all", address: "127.0.0.1" };
    for (const headers of [{}, { authorization: "Bearer " }, { authorization: "Bearer undefined" }])
      expect(adminRefusal(setting, requestOf(headers as Record<string, string>))).toContain("set AUTH_TOKEN");
  });
});

import { describe, expect, test } from "bun:test";
import { redactConfig } from "../../src/config/redact.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { configSchema } from "../../src/config/schema.ts";

/** What is wrong with settings below `admin`. */
function problemsOf(admin: object): string {
  return JSON.stringify(configSchema.safeParse({ admin }).error?.issues ?? []);
}

/** What is wrong with an identity provider's address. */
function issuerProblems(issuer: string): string {
  return problemsOf({ oidc: { issuer, clientId: "c", redirectBase: "https://gateway.example" } });
}

describe("the settings of those who look after the gateway", () => {
  test("want a secret of at least 32 bytes, whatever its characters", () => {
    for (const jwtSecret of ["", "x", "x".repeat(31), "ü".repeat(15)])
      expect(problemsOf({ jwtSecret })).toContain("at least 32 bytes");
    for (const jwtSecret of ["x".repeat(32), "ü".repeat(16)]) expect(problemsOf({ jwtSecret })).toBe("[]");
  });

  test("want a password that is not too short", () => {
    expect(problemsOf({ password: "1234567" })).not.toBe("[]");
    expect(problemsOf({ password: "12345678" })).toBe("[]");
  });

  test("take a hash for a password, and nothing that only begins like one", () => {
    const [salt, hash] = ["c2FsdHNhbHRzYWx0", "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"];
    for (const password of [
      `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=65536,t=3,p=4$${salt}$${hash}`,
      "argon2id is what I like",
    ])
      expect([password, problemsOf({ password })]).toEqual([password, "[]"]);
    for (const password of [
      "$argon2id$broken",
      "$argon2id$v=19$m=19456,t=2,p=1$",
      `$argon2id$v=19$m=19456,t=2,p=1$${salt}`,
      `$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$${hash}`,
      `$argon2id$v=19$m=19456,t=0,p=1$${salt}$${hash}`,
      `$argon2id$v=19$t=2,m=19456,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${hash}\n`,
      `$$argon2id$$v=19$$m=19456,t=2,p=1$$${salt}$$${hash}`.slice(1),
      `$argon2i$v=19$m=19456,t=2,p=1$${salt}$${hash}`,
    ])
      expect(problemsOf({ password })).toContain("orcestator users hash");
  });

  test("take an identity provider over TLS, or on this machine", () => {
    for (const issuer of [
      "https://login.example/realm",
      "http://localhost:8080",
      "http://127.0.0.1:1",
      "http://[::1]:1",
    ])
      expect([issuer, issuerProblems(issuer)]).toEqual([issuer, "[]"]);
    for (const issuer of [
      "http://login.example",
      "http://localhost.evil.example",
      "http://127.0.0.1.evil.example",
      "ftp://localhost",
      "login.example",
      "file:///etc/passwd",
    ])
      expect([issuer, issuerProblems(issuer)]).toEqual([issuer, expect.stringContaining("https://")]);
  });

  test("are shown without what is secret in them", () => {
    const secrets = {
      token: "token-canary-0123456789",
      password: "password-canary-0123456789",
      jwtSecret: "jwt-canary-0123456789-0123456789-0123456789",
      clientSecret: "client-canary-0123456789",
      secretKey: "0123456789abcdef".repeat(4),
    };
    const { clientSecret, secretKey, ...admin } = secrets;
    const oidc = {
      issuer: "https://login.example",
      clientId: "c",
      clientSecret,
      redirectBase: "https://gateway.example",
    };
    const shown = JSON.stringify(
      redactConfig(resolveConfig(configSchema.parse({ admin: { ...admin, oidc }, storage: { secretKey } }))),
    );
    for (const secret of Object.values(secrets)) expect(shown).not.toContain(secret.slice(0, -4));
    // Neither do the last characters of what people make up, or of a key that is kept nowhere else.
    expect(shown).toContain('"password":"…"');
    expect(shown).toContain('"secretKey":"…"');
  });
});

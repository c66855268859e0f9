import { describe, expect, test } from "bun:test";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { jwtVerify, SignJWT, UnsecuredJWT } from "jose";
import { type Claims, readAccessToken, signAccessToken } from "../../../src/admin/identity/access-token.ts";

const key = randomBytes(32);
const now = Date.UTC(2026, 10, 21, 12);
const second = now / 1000;
const claims: Claims = {
  sub: "user_1",
  sid: "ses_1",
  name: "Ann",
  role: "admin",
  epoch: "e1",
  begun: now,
  iat: second,
  exp: second + 600,
};
const everything = { iss: "orcestator", aud: "orcestator-admin", ...claims };

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** As jose signs it, which knows nothing of ours. */
function josesToken(
  payload: object = everything,
  header: { alg: string; typ?: string } = { alg: "HS256", typ: "JWT" },
) {
  return new SignJWT({ ...payload }).setProtectedHeader(header);
}

test("another implementation reads what is signed here, and what it signs is read here", async () => {
  const token = signAccessToken(claims, key);
  const { payload } = await jwtVerify(token, key, {
    algorithms: ["HS256"],
    issuer: "orcestator",
    audience: "orcestator-admin",
    currentDate: new Date(now),
  });
  expect(payload).toEqual(everything as never);
  expect(readAccessToken(token, key, now)).toMatchObject(claims);
  expect(readAccessToken(await josesToken().sign(key), key, now)).toMatchObject(claims);
});

describe("nobody is let in by", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const signed = signAccessToken(claims, key);
  const [header = "", payload = "", signature = ""] = signed.split(".");

  const forgeries: Readonly<Record<string, () => string | Promise<string>>> = {
    "no signature (alg none)": () => new UnsecuredJWT({ ...everything }).encode(),
    "alg none beside a good signature": () => `${part({ alg: "none", typ: "JWT" })}.${payload}.${signature}`,
    "our header without a signature": () => `${header}.${payload}.`,
    RS256: () => josesToken(everything, { alg: "RS256", typ: "JWT" }).sign(privateKey),
    "HS256 with a public key as the secret": () => josesToken().sign(Buffer.from(pem)),
    "HS512 with the right secret": () => josesToken(everything, { alg: "HS512", typ: "JWT" }).sign(key),
    "a header of another form with the right secret": () => josesToken(everything, { alg: "HS256" }).sign(key),
    "an empty secret": () => signAccessToken(claims, new Uint8Array(0)),
    "another secret": () => signAccessToken(claims, randomBytes(32)),
    "another issuer": () => josesToken({ ...everything, iss: "somebody" }).sign(key),
    "another audience": () => josesToken({ ...everything, aud: "orcestator" }).sign(key),
    "no issuer": () => josesToken(claims).sign(key),
    "no end": () => josesToken({ ...everything, exp: undefined }).sign(key),
    "a role that there is not": () => josesToken({ ...everything, role: "owner" }).sign(key),
    "other claims under a good signature": () => `${header}.${part({ ...everything, role: "viewer" })}.${signature}`,
    "a signature with something behind it": () => `${signed}=`,
    "a fourth part": () => `${signed}.${signature}`,
    "a token that is too long": () => josesToken({ ...everything, name: "x".repeat(5000) }).sign(key),
    "no JSON": () => `${header}.${Buffer.from("no JSON").toString("base64url")}.${signature}`,
  };
  test.each(Object.entries(forgeries))("%s", async (_name, forge) => {
    expect(readAccessToken(await forge(), key, now)).toBeUndefined();
  });

  test("a token that has expired", () => {
    const token = signAccessToken(claims, key);
    expect(readAccessToken(token, key, now + 599_999)).toBeDefined();
    expect(readAccessToken(token, key, now + 600_000)).toBeUndefined();
  });

  test("any single changed character of a good one", () => {
    for (let at = 0; at < signed.length; at += 1) {
      const other = signed[at] === "A" ? "B" : "A";
      expect(readAccessToken(signed.slice(0, at) + other + signed.slice(at + 1), key, now)).toBeUndefined();
    }
  });
});

test("tokens that begin alike are told apart by all of them", () => {
  const other = signAccessToken({ ...claims, epoch: "e2", sid: "ses_2" }, key);
  const token = signAccessToken(claims, key);
  expect(other.slice(0, 60)).toBe(token.slice(0, 60));
  expect(readAccessToken(other, key, now)?.sid).toBe("ses_2");
  expect(readAccessToken(token, key, now)?.sid).toBe("ses_1");
});

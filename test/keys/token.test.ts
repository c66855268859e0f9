import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createToken, hashOf, isTokenShaped, withoutTokens } from "../../src/keys/token.ts";

test("a token is sk-orc- and 43 letters and digits, and its hash is SHA-256", () => {
  const { token, hash, last4 } = createToken();
  expect(token).toMatch(/^sk-orc-[0-9A-Za-z]{43}$/);
  expect(hash).toBe(createHash("sha256").update(token).digest("hex"));
  expect(hashOf(token)).toBe(hash);
  expect(token.endsWith(last4)).toBe(true);
  expect(isTokenShaped(token)).toBe(true);
});

const filled = (byte: number): string => createToken((bytes) => bytes.fill(byte)).token;

test("all 32 bytes count", () => {
  expect(filled(0)).toBe(`sk-orc-${"0".repeat(43)}`);
  expect(BigInt(2) ** 256n - 1n).toBe(
    Array.from(filled(255).slice(7)).reduce(
      (sum, digit) =>
        sum * 62n + BigInt("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".indexOf(digit)),
      0n,
    ),
  );
  const lowBit = createToken((bytes) => {
    bytes[31] = 1;
    return bytes;
  });
  expect(lowBit.token).toBe(`sk-orc-${"0".repeat(42)}1`);
});

test("no two are equal", () =>
  expect(new Set(Array.from({ length: 2000 }, () => createToken().token)).size).toBe(2000));

test("other texts are not taken for tokens", () => {
  for (const text of [
    "",
    "sk-orc-",
    `sk-orc-${"a".repeat(42)}`,
    `sk-orc-${"a".repeat(42)}-`,
    `sk-ant-${"a".repeat(43)}`,
    `sk-orc-${"a".repeat(42)}\n`,
  ])
    expect(isTokenShaped(text)).toBe(false);
});

test("a token anywhere in a text is left out of it, and nothing else is", () => {
  const { token } = createToken();
  expect(withoutTokens(`no model '${token}', nor ${token.slice(0, 30)}`)).toBe("no model 'sk-orc-…', nor sk-orc-…");
  for (const text of ["gpt-5", "sk-orc-short", ""]) expect(withoutTokens(text)).toBe(text);
});

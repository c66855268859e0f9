import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createChangingSecretBox } from "../../src/keys/changing-secret-box.ts";
import { createSecretBox, isSealed, sealedWith } from "../../src/keys/secret-box.ts";

const key = randomBytes(32);
const box = createSecretBox(key);

describe("a sealed secret", () => {
  test("comes back as it was, whatever it was", () => {
    for (const secret of ["", "sk-or-1", "ключ 🔑\u0000\n", "x".repeat(100_000), box.seal("sealed twice")]) {
      const sealed = box.seal(secret);
      expect(isSealed(sealed)).toBe(true);
      expect(sealedWith(sealed)).toBe(box.keyId);
      if (secret.length > 3) expect(sealed).not.toContain(secret);
      expect(box.open(sealed)).toBe(secret);
    }
  });

  test("is another text each time", () => {
    expect(new Set(Array.from({ length: 1000 }, () => box.seal("same"))).size).toBe(1000);
  });

  test("is opened by its own key alone, and says which that is, without telling it", () => {
    const other = createSecretBox(randomBytes(32));
    expect(() => other.open(box.seal("secret"))).toThrow(`it was sealed with the key ${box.keyId}`);
    expect(() => other.open(box.seal("secret"))).toThrow("storage.secretKey (ORCESTATOR_SECRET_KEY)");
    expect(() => other.open(box.seal("secret"))).toThrow("`<new>,<old>`");
    expect(key.toString("hex")).not.toContain(box.keyId);
    expect(createSecretBox(key).open(box.seal("secret"))).toBe("secret");
  });

  test("that was changed anywhere is refused, and not opened to something else", () => {
    const sealed = box.seal("a secret of some length");
    const from = sealed.lastIndexOf(":") + 1;
    const bytes = Buffer.from(sealed.slice(from), "base64url");
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => box.open(sealed.slice(0, from) + changed.toString("base64url"))).toThrow("changed since");
    }
    for (const text of [sealed.slice(0, from), sealed.slice(0, from + 8), `${sealed.slice(0, from)}!!!`])
      expect(() => box.open(text)).toThrow("changed since");
  });
});

test("what was never sealed is taken as it is", () => {
  for (const text of ["", "sk-plain", "sealed", "sealed:v2:x:y"]) expect(box.open(text)).toBe(text);
});

test("a key has 32 bytes", () => {
  for (const length of [0, 16, 31, 33]) expect(() => createSecretBox(randomBytes(length))).toThrow(RangeError);
});

describe("a box whose key changes", () => {
  const [first, second] = [randomBytes(32), randomBytes(32)];

  test("seals with the first key there is at that moment, and opens with all", () => {
    let keys: Uint8Array[] = [first];
    const changing = createChangingSecretBox({ read: () => keys, make: () => keys });
    const old = changing.seal("one");
    keys = [second, first];
    const fresh = changing.seal("two");
    expect([sealedWith(old), sealedWith(fresh)]).toEqual([createSecretBox(first).keyId, createSecretBox(second).keyId]);
    expect([changing.open(old), changing.open(fresh)]).toEqual(["one", "two"]);
  });

  test("looks for the key of what it meets, and makes one only to seal", () => {
    let keys: Uint8Array[] | undefined;
    let made = 0;
    const source = {
      read: () => keys,
      make() {
        made += 1;
        return (keys = [first]);
      },
    };
    const changing = createChangingSecretBox(source);
    expect(changing.open("plain")).toBe("plain");
    expect(made).toBe(0);
    const sealed = changing.seal("secret");
    expect(made).toBe(1);
    const late = createChangingSecretBox(source);
    expect(late.open(sealed)).toBe("secret");
    keys = [second];
    expect(() => createChangingSecretBox(source).open(sealed)).toThrow("and this gateway has");
  });
});

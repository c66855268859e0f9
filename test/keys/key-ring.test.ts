import { describe, expect, test } from "bun:test";
import { createKeyRing } from "../../src/keys/key-ring.ts";
import { forSeeds } from "../lib/seeded.ts";

describe("a key ring", () => {
  const keys = ["sk-first-key", "sk-second-key", "ключ-é", "sk-first-key-longer"];
  const ring = createKeyRing(keys);

  test("knows its keys and tells them apart", () => {
    const ids = keys.map((key) => ring.find(key)?.id);
    expect(new Set(ids).size).toBe(keys.length);
    expect(ids).not.toContain(undefined);
  });

  test("knows no other text: prefixes, case, spaces, other normal forms", () => {
    for (const token of [
      "",
      " ",
      "sk-first",
      "sk-first-key ",
      " sk-first-key",
      "SK-FIRST-KEY",
      "sk-first-key\0",
      "sk-second-keysk-first-key",
      "ключ-e\u0301",
      "undefined",
    ])
      expect(ring.find(token)).toBeUndefined();
  });

  test("knows no key with one character changed", () => {
    forSeeds(500, (random) => {
      const key = random.pick(keys);
      const at = random.below(key.length);
      const changed = key.slice(0, at) + String.fromCharCode(33 + random.below(94)) + key.slice(at + 1);
      expect(ring.find(changed) === undefined).toBe(!keys.includes(changed));
    });
  });

  test("names a key without showing it, the same in every process", () => {
    const id = ring.find("sk-first-key")?.id ?? "";
    const digest = new Bun.CryptoHasher("sha256").update("sk-first-key").digest("hex");
    expect(id).toBe(`key-${digest.slice(0, 8)}`);
    expect(createKeyRing(["sk-first-key"]).find("sk-first-key")?.id).toBe(id);
  });

  test("is empty only without keys", () => {
    expect(ring.isEmpty).toBe(false);
    expect(createKeyRing([]).isEmpty).toBe(true);
    expect(createKeyRing([]).find("")).toBeUndefined();
  });

  test("takes tokens of any length", () => {
    expect(ring.find("x".repeat(1 << 20))).toBeUndefined();
  });
});

import { expect, test } from "bun:test";
import { nearest } from "../../src/lib/nearest.ts";

const keys = ["baseUrl", "credentials", "acceptsAnyModel", "port", "type"];

test("a slip of the finger finds the word that was meant", () => {
  expect(nearest("baseURL", keys)).toBe("baseUrl");
  expect(nearest("base_url", keys)).toBe("baseUrl");
  expect(nearest("prot", keys)).toBe("port");
  expect(nearest("credential", keys)).toBe("credentials");
  expect(nearest("accepts-any-models", keys)).toBe("acceptsAnyModel");
});

test("a word that is like nothing gets no suggestion", () => {
  expect(nearest("temperature", keys)).toBeUndefined();
  expect(nearest("", keys)).toBeUndefined();
  expect(nearest("---", keys)).toBeUndefined();
  expect(nearest("x", [])).toBeUndefined();
});

test("a word of a million letters is compared quickly", () => {
  const start = performance.now();
  expect(nearest("a".repeat(1_000_000), keys)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(500);
});

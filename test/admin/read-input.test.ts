import { expect, test } from "bun:test";
import { loginSchema } from "../../src/admin/contract/auth.ts";
import { keyBatchSchema, keyCreateSchema } from "../../src/admin/contract/keys.ts";
import { readInput } from "../../src/admin/read-input.ts";
import { thrownBy } from "../support/thrown-by.ts";

const budget = { usd: 1, window: "day" };

test.each([
  [null, "The body must be an object with keys, not null."],
  [[], "The body must be an object with keys, not a list."],
  [{ name: null }, "`name` must be text, not null."],
  [{ name: "x", budgets: [{ ...budget, usd: Infinity }] }, "`budgets[0].usd` must be a finite number."],
  [{ name: "x", rpm: -Infinity }, "`rpm` must be a finite number."],
  [{ name: "x", rpm: 1e308 }, "`rpm` must be at most 1000000000."],
  [{ name: "x", rpm: -1e308 }, "`rpm` must be at least 1."],
  [{ name: "x", rpm: 1.5 }, "`rpm` must be a whole number."],
  [{ name: "x", expiresAt: 1e308 }, "`expiresAt` must be at most 8640000000000000."],
  [{ name: [], rpm: 0 }, "`name` must be text, not a list; `rpm` must be at least 1."],
  [{ name: "x", models: ["", ""] }, "`models[0]` must not be empty; `models[1]` must not be empty."],
])("a key that cannot be %j is refused with what is wrong, once", (value, message) => {
  expect(thrownBy(() => readInput(keyCreateSchema, value))).toMatchObject({ status: 400, message });
});

test("a password that is a list is no text, and nothing besides", () => {
  const refused = thrownBy(() => readInput(loginSchema, { username: "u", password: [] }));
  expect(refused).toMatchObject({ message: "`password` must be text, not a list." });
});

test("a long list of mistakes is told soon, and in short", () => {
  const from = performance.now();
  const create = Array.from({ length: 100_000 }, () => ({ name: "" }));
  const { message } = thrownBy(() => readInput(keyBatchSchema, { create }));
  expect(message).toEndWith("; 99991 more.");
  expect(performance.now() - from).toBeLessThan(3000);
});

import { expect, test } from "bun:test";
import { createPasswords } from "../../../src/admin/identity/passwords.ts";

test("a password is kept as argon2id, each time otherwise, and found again", async () => {
  const passwords = createPasswords();
  const [first, second] = [await passwords.hash("correct horse"), await passwords.hash("correct horse")];
  expect(first).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect(first).not.toBe(second);
  expect(await passwords.verify("correct horse", first)).toBe(true);
  expect(await passwords.verify("correct horsf", first)).toBe(false);
});

test("what is no hash fits no password, and neither does none", async () => {
  const passwords = createPasswords();
  for (const hash of [undefined, "", "nonsense", "$argon2id$", "$2b$10$nothing"])
    expect(await passwords.verify("", hash)).toBe(false);
});

test("no hash takes as long as a hash", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("some password");
  await passwords.verify("warm", undefined);
  const timed = async (known: string | undefined): Promise<number> => {
    const start = performance.now();
    await passwords.verify("another password", known);
    return performance.now() - start;
  };
  let [withHash, without] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  // In turns: a machine that is busy for a while is so for both.
  for (let count = 0; count < 12; count += 1) {
    withHash = Math.min(withHash, await timed(hash));
    without = Math.min(without, await timed(undefined));
  }
  expect(Math.abs(withHash - without)).toBeLessThan(Math.max(withHash, without) * 0.5);
});

test("requests have their turn meanwhile, and too many at once are told to come again", async () => {
  const passwords = createPasswords();
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const all = await Promise.allSettled(Array.from({ length: 50 }, () => passwords.hash("x")));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(20);
  const refused = all.filter((one) => one.status === "rejected");
  expect(refused).toHaveLength(16);
  expect(refused[0]?.reason).toMatchObject({ status: 429, retryAfterSeconds: 1 });
  expect(await passwords.hash("x")).toBeString();
});

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createKeyBook, type KeyBook } from "../../src/keys/key-book.ts";
import { createToken } from "../../src/keys/token.ts";
import { keyDocument, removal, teamDocument, tokenFields } from "./some-key.ts";

function bookOf(clock = { time: 1000 }): KeyBook & { told: string[] } {
  const told: string[] = [];
  const book = createKeyBook({ onProblem: (message) => void told.push(message), now: () => clock.time });
  return Object.assign(book, { told });
}

describe("a key", () => {
  test("is found by its token and by nothing else", () => {
    const book = bookOf();
    const token = createToken();
    book.apply(keyDocument("key_1", 1, tokenFields(token)));
    expect(book.find(token.token)?.id).toBe("key_1");
    for (const other of [
      createToken().token,
      token.hash,
      "",
      "sk-orc-",
      token.token.slice(0, -1),
      `${token.token}0`,
      "key_1",
    ])
      expect(book.find(other)).toBeUndefined();
  });

  test("is another object once it is changed, under its old token and its new one", () => {
    const clock = { time: 1000 };
    const book = bookOf(clock);
    const [old, fresh] = [createToken(), createToken()];
    book.apply(keyDocument("key_1", 1, tokenFields(old)));
    const before = book.find(old.token);
    book.apply(keyDocument("key_1", 2, { ...tokenFields(fresh), previous: { hash: old.hash, until: 5000 } }));
    const [after] = [book.key("key_1")];
    expect([book.find(fresh.token) === after, book.find(old.token) === after, before === after]).toEqual([
      true,
      true,
      false,
    ]);
    clock.time = 5000;
    expect(book.find(old.token)).toBeUndefined();
    expect(book.find(fresh.token)).toBeDefined();
  });

  test("that was rotated without grace is not found by its old token", () => {
    const book = bookOf();
    const [old, fresh] = [createToken(), createToken()];
    book.apply(keyDocument("key_1", 1, tokenFields(old)));
    book.apply(keyDocument("key_1", 2, tokenFields(fresh)));
    expect(book.find(old.token)).toBeUndefined();
  });

  test("is gone when its document is", () => {
    const book = bookOf();
    const [token, old] = [createToken(), createToken()];
    book.apply(keyDocument("key_1", 1, { ...tokenFields(token), previous: { hash: old.hash, until: 5000 } }));
    book.apply(removal("key", "key_1", 2));
    expect([book.find(token.token), book.find(old.token), book.key("key_1"), book.size]).toEqual([
      undefined,
      undefined,
      undefined,
      0,
    ]);
  });

  test("does not come back with an older state that comes late", () => {
    const book = bookOf();
    const token = createToken();
    book.apply(keyDocument("key_1", 5, { ...tokenFields(token), enabled: false }));
    book.apply(keyDocument("key_1", 4, tokenFields(token)));
    expect(book.find(token.token)?.enabled).toBe(false);
    book.apply(removal("key", "key_1", 6));
    book.apply(keyDocument("key_1", 5, tokenFields(token)));
    expect(book.find(token.token)).toBeUndefined();
  });

  test("whose document cannot be read is not taken, and somebody is told", () => {
    const book = bookOf();
    const token = createToken();
    book.apply(keyDocument("key_1", 1, tokenFields(token)));
    for (const [version, wrong] of [
      { hash: "abc" },
      { enabled: "yes" as never },
      { budgets: "none" as never },
      { budgets: [{ usd: 5, window: "day" as const, timeZone: "Mars/Phobos" }] },
      { createdAt: 1e20 },
      { expiresAt: -1e20 },
      { previous: { hash: "0".repeat(64), until: 1e20 } },
      { content: "truncate:all" },
      { addresses: ["10.0.0.0/99"] },
    ].entries())
      book.apply(keyDocument("key_1", version + 2, { ...tokenFields(token), ...wrong }));
    expect(book.find(token.token)).toBeUndefined();
    expect(book.told).toHaveLength(9);
    expect([book.size, book.told.at(-1)]).toEqual([0, "The stored key key_1 cannot be read: it is not taken."]);
    expect(book.told.join()).not.toContain(token.hash);
  });
});

test("documents of other kinds are none of its business", () => {
  const book = bookOf();
  book.apply({ kind: "spending", id: "key_1:day:UTC", version: 1, updatedAt: 1, value: {} });
  book.apply(removal("config", "x", 2));
  expect([book.size, book.told]).toEqual([0, []]);
});

test("teams are known by id until they are removed", () => {
  const book = bookOf();
  book.apply(teamDocument("team_1", 1, { budgets: [{ usd: 5, window: "week" }] }));
  expect(book.team("team_1")?.budgets).toEqual([{ usd: 5, window: "week" }]);
  book.apply(removal("team", "team_1", 2));
  expect(book.team("team_1")).toBeUndefined();
});

test("a team whose document cannot be read is left out, and somebody is told", () => {
  const book = bookOf();
  for (const [version, wrong] of [
    { budgets: [{ usd: 5, window: "week", timeZone: "Mars/Phobos" }] },
    { createdAt: 1e20 },
  ].entries())
    book.apply(teamDocument("team_1", version + 1, wrong));
  expect([book.team("team_1"), [...book.teams()], book.told.length]).toEqual([undefined, [], 2]);
});

test("pages go from the newest to the oldest, whatever order they came in", () => {
  const book = bookOf();
  const ids = Array.from({ length: 500 }, (_, index) => `key_${String((index * 7919) % 500).padStart(4, "0")}`);
  for (const [at, id] of ids.entries()) book.apply(keyDocument(id, at + 1));
  for (const [at, id] of ids.entries()) if (at % 3 === 0) book.apply(removal("key", id, 1000 + at));
  const expected = ids
    .filter((_, at) => at % 3 !== 0)
    .toSorted()
    .toReversed();
  expect(Array.from(book.keys(), ({ id }) => id)).toEqual(expected);
  const cursor = expected[100];
  expect(Array.from(book.keys(cursor), ({ id }) => id)).toEqual(expected.slice(101));
  expect([...book.keys("key_")]).toEqual([]);
});

test("a key takes at most 1 KB of memory, so that a million have room", () => {
  const count = 100_000;
  const documents = function* () {
    for (let index = 0; index < count; index += 1) {
      const hash = createHash("sha256").update(String(index)).digest("hex");
      const id = `key_${String(index).padStart(24, "0")}`;
      // As it comes out of a store: no text is shared.
      const text = JSON.stringify({
        ...(keyDocument(id, 1, { hash, rpm: 60 }).value as object),
        name: `person-${index}`,
      });
      yield { kind: "key", id, version: index + 1, updatedAt: 1, value: JSON.parse(text) as unknown };
    }
  };
  const book = bookOf();
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  for (const document of documents()) book.apply(document);
  book.loaded();
  Bun.gc(true);
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  expect(book.size).toBe(count);
  expect(bytes).toBeGreaterThan(100);
  expect(bytes).toBeLessThan(1000);
}, 20_000);

describe("keys that are lost with their database", () => {
  const loss = { kind: "loss", id: "database", version: 1000, updatedAt: 1, value: { was: "damaged" } };

  test("were issued for all that is known, and are lost until one is issued anew or a backup is restored", () => {
    for (const next of [keyDocument("key_2", 1001), removal("loss", "database", 1001)]) {
      const book = bookOf();
      expect([book.wereIssued, book.areLost]).toEqual([false, false]);
      book.apply(loss);
      expect([book.wereIssued, book.areLost]).toEqual([true, true]);
      book.apply(next);
      // All is read anew.
      book.apply(loss);
      expect([book.wereIssued, book.areLost]).toEqual([true, false]);
    }
  });

  test("are lost also where they are still known here", () => {
    const book = bookOf();
    book.apply(keyDocument("key_1", 5));
    book.apply(loss);
    expect([book.size, book.areLost]).toEqual([1, true]);
  });
});

import { expect, test } from "bun:test";
import { textBytes } from "../../src/coordination/decisions.ts";
import type { Pair } from "./conformance.ts";

const ttlMs = 60_000;

/** One shelf, as two gateways see it; each text that is put is a millisecond younger than the one before. */
function shelfOf({ first, second, pass }: Pair, maxBytes = 10_000) {
  return {
    put: async (id: string, text: string): Promise<void> => {
      pass(1);
      await first.decide("shelf.put", { shelf: "s", id, text, ttlMs, maxBytes });
    },
    get: async (id: string): Promise<string | undefined> => (await second.decide("shelf.get", { shelf: "s", id })).text,
    kept: async (ids: readonly string[]): Promise<string[]> => {
      const answers = await Promise.all(ids.map((id) => second.decide("shelf.get", { shelf: "s", id })));
      return ids.filter((_, at) => answers[at]?.text !== undefined);
    },
  };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `t${at}`);
}

/** A text that takes so many bytes of a shelf. */
function textOf(bytes: number): string {
  return "x".repeat(bytes - textBytes);
}

export function shelfConformance(pair: () => Pair): void {
  test("a text that one puts is there for the others, whatever it holds, and on no other shelf", async () => {
    const { put, get } = shelfOf(pair());
    expect(await get("a")).toBeUndefined();
    for (const text of ['{"ü":"\\n"}', "\u0000\r\n💡", " "]) {
      await put("a", text);
      expect(await get("a")).toBe(text);
    }
    expect(await pair().second.decide("shelf.get", { shelf: "other", id: "a" })).toEqual({ text: undefined });
  });

  test("the oldest texts go when there are too many bytes, and only as many as must", async () => {
    const { put, kept } = shelfOf(pair());
    const ids = names(25);
    for (const id of ids) await put(id, textOf(1000));
    expect(await kept(ids)).toEqual(ids.slice(-10));
    await put("large", textOf(2500));
    expect(await kept(ids)).toEqual(ids.slice(-7));
  });

  test("bytes are counted, not characters, and texts without many have a bound too", async () => {
    const { put, kept } = shelfOf(pair(), 10 * (textBytes + 4));
    const ids = names(25);
    for (const id of ids) await put(id, "💡");
    expect(await kept(ids)).toEqual(ids.slice(-10));
  });

  test("a text larger than the whole shelf is not kept, and pushes nothing out", async () => {
    const { put, kept } = shelfOf(pair());
    await put("small", textOf(300));
    await put("whole", textOf(10_001));
    expect(await kept(["small", "whole"])).toEqual(["small"]);
    await put("whole", textOf(10_000));
    expect(await kept(["small", "whole"])).toEqual(["whole"]);
  });

  test("a text that is taken away gives its bytes back, once", async () => {
    const { put, kept } = shelfOf(pair());
    const ids = names(10);
    for (const id of ids) await put(id, textOf(1000));
    for (const id of ["t3", "t3", "t5", "nobody"]) await put(id, "");
    for (const id of ["new", "newer"]) await put(id, textOf(1000));
    const left = ids.filter((id) => id !== "t3" && id !== "t5");
    expect(await kept([...ids, "new", "newer"])).toEqual([...left, "new", "newer"]);
    await put("newest", textOf(1000));
    expect(await kept([...ids, "new", "newer", "newest"])).toEqual([...left.slice(1), "new", "newer", "newest"]);
  });

  test("a text that takes the place of another counts for itself alone, and is young again", async () => {
    const { put, kept } = shelfOf(pair());
    const ids = names(10);
    for (const id of ids) await put(id, textOf(1000));
    await put("t0", textOf(500));
    await put("half", textOf(500));
    expect(await kept([...ids, "half"])).toEqual([...ids, "half"]);
    await put("more", textOf(1000));
    expect(await kept([...ids, "half", "more"])).toEqual(["t0", ...ids.slice(2), "half", "more"]);
  });

  test("a text whose time is over is gone and counts no more", async () => {
    const { put, get, kept } = shelfOf(pair());
    const old = names(5);
    for (const id of old) await put(id, textOf(1000));
    pair().pass(ttlMs - 1000);
    const young = ["y0", "y1", "y2", "y3", "y4"];
    for (const id of young) await put(id, textOf(1000));
    expect(await kept([...old, ...young])).toEqual([...old, ...young]);
    pair().pass(1000);
    expect(await kept([...old, ...young])).toEqual(young);
    for (const id of old) await put(id, textOf(1000));
    expect(await kept([...old, ...young])).toEqual([...old, ...young]);
    pair().pass(ttlMs);
    expect(await get("t0")).toBeUndefined();
  });
}

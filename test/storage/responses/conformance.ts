import { describe, expect, test } from "bun:test";
import { historyOf } from "../../../src/storage/responses/history.ts";
import type { NearResponseStore, ResponseEntry } from "../../../src/storage/responses/response-store.ts";
import { createRandom, randomText } from "../../support/random.ts";

export interface StoreOptions {
  maxBytes?: number;
  ttlMs?: number;
  now?: () => number;
}

export interface Opened {
  store: NearResponseStore;
  dispose: () => void;
}

let count = 0;

export function makeEntry(changes: Partial<ResponseEntry> = {}): ResponseEntry {
  count += 1;
  const id = `resp_${count}`;
  return {
    id,
    previousId: undefined,
    keyId: "team-a",
    input: [{ type: "message", role: "user", content: `question of ${id}` }],
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: `answer ${id}` }] }],
    response: { id, object: "response", status: "completed", nested: { list: [1, null, true] } },
    createdAt: Date.now(),
    ...changes,
  };
}

/** Entries that go on from each other, the oldest first. */
export function makeChain(length: number, changes: Partial<ResponseEntry> = {}): ResponseEntry[] {
  const chain: ResponseEntry[] = [];
  for (let index = 0; index < length; index += 1) chain.push(makeEntry({ previousId: chain.at(-1)?.id, ...changes }));
  return chain;
}

function contentOf({ input, output, response, ...head }: ResponseEntry) {
  const { id, previousId, keyId, createdAt } = head;
  return { id, previousId, keyId, createdAt, input, output, response };
}

/** What every store of responses does, wherever it keeps them. */
export function describeResponseStore(name: string, open: (options?: StoreOptions) => Opened): void {
  function withStore(options: StoreOptions, use: (store: NearResponseStore) => void): void {
    const { store, dispose } = open(options);
    try {
      use(store);
      store.close();
    } finally {
      dispose();
    }
  }

  describe(name, () => {
    test("an entry comes back as it was, whatever its texts hold", () => {
      withStore({}, (store) => {
        const random = createRandom(3);
        for (let round = 0; round < 50; round += 1) {
          const text = randomText(random).toWellFormed();
          const entry = makeEntry({
            input: [text, { [text]: text }],
            keyId: `key ${round}`,
            previousId: `resp_x${round}`,
          });
          store.save(entry);
          const found = store.find(entry.id);
          expect(found).toBeDefined();
          if (found !== undefined) expect(contentOf(found)).toEqual(entry);
          expect(found?.bytes).toBeGreaterThan(100);
        }
      });
    });

    test("what was never kept is not there", () => {
      withStore({}, (store) => {
        for (const id of ["", "resp_nobody", "'; DROP TABLE responses; --", "__proto__", "\u0000"]) {
          expect(store.find(id)).toBeUndefined();
          store.delete(id);
        }
      });
    });

    test("an id that is there already is left as it is", () => {
      withStore({}, (store) => {
        const entry = makeEntry();
        store.save(entry);
        store.save({ ...entry, keyId: "team-b", output: [] });
        expect(store.find(entry.id)?.keyId).toBe("team-a");
      });
    });

    test("a deleted entry is gone, and its room is free again", () => {
      const entries = Array.from({ length: 40 }, () => makeEntry({ input: ["x".repeat(10_000)] }));
      withStore({ maxBytes: 25_000 }, (store) => {
        for (const entry of entries) {
          store.save(entry);
          store.delete(entry.id);
          expect(store.find(entry.id)).toBeUndefined();
        }
        const [first, second] = [
          makeEntry({ input: ["x".repeat(10_000)] }),
          makeEntry({ input: ["x".repeat(10_000)] }),
        ];
        store.save(first);
        store.save(second);
        expect(store.find(first.id)).toBeDefined();
        expect(store.find(second.id)).toBeDefined();
      });
    });

    test("the oldest go when there are too many bytes, and only as many as must", () => {
      let time = 1_000_000_000_000;
      withStore({ maxBytes: 50_000, now: () => time }, (store) => {
        const entries = Array.from({ length: 30 }, () =>
          makeEntry({ input: ["é".repeat(2000)], createdAt: (time += 1) }),
        );
        for (const entry of entries) store.save(entry);
        const kept = entries.filter(({ id }) => store.find(id) !== undefined);
        expect(kept).toEqual(entries.slice(-kept.length));
        const bytes = kept.reduce((sum, { id }) => sum + (store.find(id)?.bytes ?? 0), 0);
        expect(bytes).toBeLessThanOrEqual(50_000);
        expect(bytes).toBeGreaterThan(44_000);
      });
    });

    test("an entry larger than the whole store is not kept, and pushes nothing out", () => {
      withStore({ maxBytes: 10_000 }, (store) => {
        const small = makeEntry();
        store.save(small);
        const huge = makeEntry({ output: ["x".repeat(20_000)] });
        store.save(huge);
        expect(store.find(huge.id)).toBeUndefined();
        expect(store.find(small.id)).toBeDefined();
      });
    });

    test("values that are no JSON are not kept, and nothing is thrown", () => {
      withStore({}, (store) => {
        const circle: Record<string, unknown> = {};
        circle["self"] = circle;
        const entry = makeEntry({ response: circle });
        store.save(entry);
        expect(store.find(entry.id)).toBeUndefined();
      });
    });

    test("an entry that is too old is not there any more", () => {
      let time = 1_000_000_000_000;
      withStore({ ttlMs: 1000, now: () => time }, (store) => {
        const entry = makeEntry({ createdAt: time });
        store.save(entry);
        time += 1000;
        expect(store.find(entry.id)).toBeDefined();
        time += 2001;
        expect(store.find(entry.id)).toBeUndefined();
        store.save(makeEntry({ createdAt: time }));
        expect(store.find(entry.id)).toBeUndefined();
      });
    });

    test("changing what was given or found does not change what is kept", () => {
      withStore({}, (store) => {
        const input = [{ text: "before" }];
        const entry = makeEntry({ input });
        store.save(entry);
        input.push({ text: "after" });
        const found = store.find(entry.id)?.output as unknown[];
        found.push("after");
        expect(store.find(entry.id)?.input).toEqual([{ text: "before" }]);
        expect(store.find(entry.id)?.output).toHaveLength(1);
      });
    });

    test("a history is the whole chain, the oldest first", () => {
      withStore({}, (store) => {
        const chain = makeChain(5);
        for (const entry of chain) store.save(entry);
        const whole = chain.flatMap(({ input, output }) => [...input, ...output]);
        expect(historyOf(store, chain[4]?.id ?? "", "team-a")).toEqual(whole);
        expect(historyOf(store, chain[1]?.id ?? "", "team-a")).toEqual(whole.slice(0, 4));
      });
    });

    test("a history with a missing link, or of another key, is none", () => {
      withStore({}, (store) => {
        const chain = makeChain(5);
        for (const entry of chain) store.save(entry);
        const last = chain[4]?.id ?? "";
        expect(historyOf(store, last, "team-b")).toBeUndefined();
        expect(historyOf(store, "resp_nobody", "team-a")).toBeUndefined();
        store.delete(chain[2]?.id ?? "");
        expect(historyOf(store, last, "team-a")).toBeUndefined();
        expect(historyOf(store, chain[1]?.id ?? "", "team-a")).toHaveLength(4);
        const foreign = makeEntry({ previousId: chain[1]?.id, keyId: "team-b" });
        store.save(foreign);
        expect(historyOf(store, foreign.id, "team-b")).toBeUndefined();
      });
    });

    test("a chain that bites its tail, or is endless, is none", () => {
      withStore({}, (store) => {
        const [left, right] = [makeEntry(), makeEntry()];
        store.save({ ...left, previousId: right.id });
        store.save({ ...right, previousId: left.id });
        expect(historyOf(store, left.id, "team-a")).toBeUndefined();
        const self = makeEntry();
        store.save({ ...self, previousId: self.id });
        expect(historyOf(store, self.id, "team-a")).toBeUndefined();
        const chain = makeChain(1001, { input: [], response: {} });
        for (const entry of chain) store.save(entry);
        expect(historyOf(store, chain[999]?.id ?? "", "team-a")).toHaveLength(1000);
        expect(historyOf(store, chain[1000]?.id ?? "", "team-a")).toBeUndefined();
      });
    });

    test("a history that no model could read is none", () => {
      withStore({ maxBytes: 200 * 1024 * 1024 }, (store) => {
        const chain = makeChain(5, { input: ["x".repeat(15 * 1024 * 1024)] });
        for (const entry of chain) store.save(entry);
        expect(historyOf(store, chain[3]?.id ?? "", "team-a")).toHaveLength(8);
        expect(historyOf(store, chain[4]?.id ?? "", "team-a")).toBeUndefined();
      });
    });

    test("closing twice is no mistake", () => {
      const { store, dispose } = open();
      store.save(makeEntry());
      store.close();
      store.close();
      dispose();
    });
  });
}

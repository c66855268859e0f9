import { describe, expect, test } from "bun:test";
import { createDocumentFeed, type DocumentFeed, type DocumentFeedOptions } from "../../src/keys/document-feed.ts";
import type { DocumentChange } from "../../src/storage/document-store.ts";
import { createMemoryDocuments, type MemoryDocuments } from "../support/memory-documents.ts";

interface Scene {
  documents: MemoryDocuments;
  feed: DocumentFeed;
  seen: DocumentChange[];
  told: string[];
  loads: () => number;
  clock: { time: number };
  /** Rings the alarm that is set, if one is. */
  ring: () => Promise<void>;
  waits: () => number | undefined;
}

function scene(options: Pick<DocumentFeedOptions, "first"> = {}): Scene {
  const clock = { time: 77 };
  const documents = createMemoryDocuments(() => clock.time);
  const [seen, told]: [DocumentChange[], string[]] = [[], []];
  let loads = 0;
  let alarm: { milliseconds: number; ring: () => void } | undefined;
  const feed = createDocumentFeed({
    ...options,
    documents,
    onChange: (change) => void seen.push(change),
    onLoaded: () => void (loads += 1),
    log: { info: (text) => void told.push(text), warn: (text) => void told.push(text) },
    now: () => clock.time,
    after(milliseconds, ring) {
      alarm = { milliseconds, ring };
      return () => (alarm = undefined);
    },
  });
  return {
    documents,
    feed,
    seen,
    told,
    clock,
    loads: () => loads,
    waits: () => alarm?.milliseconds,
    async ring() {
      const due = alarm;
      alarm = undefined;
      due?.ring();
      await feed.look();
      await Bun.sleep(0);
    },
  };
}

const put = (documents: MemoryDocuments, id: string): Promise<unknown> => documents.put({ kind: "key", id, value: {} });
const isThere = (changes: readonly DocumentChange[]) => changes.map((change) => [change.id, "value" in change]);
const idsOf = (changes: readonly DocumentChange[]): string[] => changes.map(({ id }) => id);

test("everything that is there is seen before it is said to be loaded", async () => {
  const { documents, feed, seen, loads } = scene();
  for (let index = 0; index < 2500; index += 1) await put(documents, `key_${index}`);
  expect(feed.state().isLoaded).toBe(false);
  feed.start();
  await feed.ready;
  expect([seen.length, loads(), feed.state()]).toEqual([2500, 1, { isLoaded: true, goodAt: 77, problem: undefined }]);
});

test("changes are seen every two seconds, each once, removals too", async () => {
  const { documents, feed, seen, ring, waits } = scene();
  await put(documents, "key_1");
  feed.start();
  await feed.ready;
  await Bun.sleep(0);
  expect(waits()).toBe(2000);
  await put(documents, "key_2");
  await documents.remove({ kind: "key", id: "key_1" });
  await ring();
  await ring();
  expect(idsOf(seen)).toEqual(["key_1", "key_2", "key_1"]);
  expect("isRemoved" in seen[2]!).toBe(true);
});

test("a look is not done with one that began before it was asked for", async () => {
  const { documents, feed, seen } = scene();
  const [answered, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const changesSince = documents.changesSince.bind(documents);
  documents.changesSince = async (version) => {
    const found = await changesSince(version);
    answered.resolve();
    await goOn.promise;
    return found;
  };
  const early = feed.look();
  await answered.promise;
  await put(documents, "key_late");
  const late = [feed.look(), feed.look()];
  goOn.resolve();
  await early;
  expect(idsOf(seen)).toEqual([]);
  await Promise.all(late);
  expect(idsOf(seen)).toEqual(["key_late"]);
});

describe("a store that is down", () => {
  test("at the start is asked again until it answers", async () => {
    const { documents, feed, seen, told, ring, loads } = scene();
    await put(documents, "key_1");
    documents.fault = "down";
    feed.start();
    await feed.look();
    await ring();
    expect([feed.state().isLoaded, loads(), told.length]).toEqual([false, 0, 1]);
    documents.fault = undefined;
    await ring();
    expect([feed.state().isLoaded, idsOf(seen), told.length]).toEqual([true, ["key_1"], 2]);
  });

  test("later is told once, and nothing is missed", async () => {
    const { documents, feed, seen, told, ring } = scene();
    feed.start();
    await feed.ready;
    documents.fault = "down";
    for (let count = 0; count < 5; count += 1) await ring();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("What is known stays in force");
    documents.fault = undefined;
    await put(documents, "key_9");
    await ring();
    expect(idsOf(seen)).toEqual(["key_9"]);
  });

  test("and never answers is asked once, and lets the feed be stopped", async () => {
    const { documents, feed, waits } = scene();
    documents.fault = "frozen";
    feed.start();
    void feed.look();
    feed.stop();
    await feed.ready;
    expect([waits(), feed.state().isLoaded]).toEqual([undefined, false]);
  });
});

describe("a feed that could not look for so long that removals are forgotten", () => {
  const hour = 3_600_000;

  test("begins anew, and tells of what is not there any more", async () => {
    const { documents, feed, seen, clock, ring } = scene();
    for (const id of ["gone", "kept", "back"]) await put(documents, id);
    await documents.put({ kind: "team", id: "a/b", value: 1 });
    feed.start();
    await feed.ready;
    documents.fault = "down";
    await ring();
    documents.fault = undefined;
    await documents.remove({ kind: "key", id: "gone" });
    await documents.remove({ kind: "team", id: "a/b" });
    await documents.remove({ kind: "key", id: "back" });
    await put(documents, "new");
    clock.time += 25 * hour;
    expect((await documents.forgetRemoved({ version: 0, before: clock.time - 24 * hour })).deleted).toBe(3);
    await put(documents, "back");
    documents.fault = "down";
    await ring();
    documents.fault = undefined;
    seen.length = 0;
    await ring();
    const news = seen.map((change) => [change.kind, change.id, "value" in change, change.version]);
    expect(news).toEqual([
      ["key", "kept", true, 2],
      ["key", "new", true, 8],
      ["key", "back", true, 9],
      ["key", "gone", false, 2],
      ["team", "a/b", false, 5],
    ]);
    seen.length = 0;
    await ring();
    expect(seen).toEqual([]);
  });

  test("is not one that looked in time", async () => {
    const { documents, feed, seen, clock, ring } = scene();
    await put(documents, "one");
    feed.start();
    await feed.ready;
    clock.time += 11 * hour;
    await ring();
    expect(idsOf(seen)).toEqual(["one"]);
  });
});

describe("a database that was set back to an earlier state", () => {
  test("is read anew, whatever versions were seen before", async () => {
    const { documents, feed, seen, told, ring } = scene();
    for (const id of ["kept", "changed", "gone"]) await put(documents, id);
    const setBack = documents.saved();
    feed.start();
    await feed.ready;
    await put(documents, "changed");
    await documents.remove({ kind: "key", id: "gone" });
    await put(documents, "lost");
    await ring();
    seen.length = 0;
    setBack();
    await ring();
    expect(isThere(seen)).toEqual([
      ["kept", true],
      ["changed", true],
      ["gone", true],
      ["lost", false],
    ]);
    expect(seen.every(({ isRewound }) => isRewound === true)).toBe(true);
    expect(told).toEqual([expect.stringMatching(/was set back\. What it has now is in force/)]);
    seen.length = 0;
    await ring();
    expect(seen).toEqual([]);
    await documents.remove({ kind: "key", id: "kept" });
    await ring();
    expect(isThere(seen)).toEqual([["kept", false]]);
    expect(seen[0]?.isRewound).toBeUndefined();
  });

  test("tells first of those that others belong to, on whatever page they are", async () => {
    const { documents, feed, seen, ring } = scene({ first: ["key", "team"] });
    for (let index = 0; index < 1500; index += 1) await documents.put({ kind: "other", id: `${index}`, value: {} });
    await put(documents, "key_1");
    const setBack = documents.saved();
    await put(documents, "lost");
    feed.start();
    await feed.ready;
    expect(seen[0]?.kind).toBe("other");
    seen.length = 0;
    setBack();
    await ring();
    expect(isThere(seen.slice(0, 2))).toEqual([
      ["key_1", true],
      ["0", true],
    ]);
    expect(isThere(seen.slice(-2))).toEqual([
      ["1499", true],
      ["lost", false],
    ]);
    expect(seen).toHaveLength(1502);
  });

  test("is read to its end also when it goes away meanwhile, or had been away for long", async () => {
    for (const awayMs of [0, 30 * 3_600_000]) {
      const { documents, feed, seen, clock, ring } = scene();
      for (let index = 0; index < 1500; index += 1) await put(documents, `key_${index}`);
      const setBack = documents.saved();
      await put(documents, "key_1499");
      await put(documents, "lost");
      feed.start();
      await feed.ready;
      setBack();
      clock.time += awayMs;
      const changesSince = documents.changesSince.bind(documents);
      documents.changesSince = async (version) => {
        if (version === 1000) documents.fault = "down";
        return changesSince(version);
      };
      await ring();
      expect(feed.state().problem).toBeDefined();
      documents.changesSince = changesSince;
      documents.fault = undefined;
      seen.length = 0;
      await ring();
      expect(isThere(seen).slice(-2)).toEqual([
        ["key_1499", true],
        ["lost", false],
      ]);
      expect(seen.every(({ isRewound }) => isRewound === true)).toBe(true);
    }
  });

  test("takes away only what it has read to its end, also where it is set back between two pages", async () => {
    const { documents, feed, seen, clock, ring } = scene();
    await put(documents, "kept");
    const setBack = documents.saved();
    for (let index = 0; index < 1500; index += 1) await put(documents, `key_${index}`);
    const setBackTwice = documents.saved();
    for (let index = 0; index < 1500; index += 1) await put(documents, `key_${index}`);
    await put(documents, "kept");
    feed.start();
    await feed.ready;
    clock.time += 30 * 3_600_000;
    seen.length = 0;
    const changesSince = documents.changesSince.bind(documents);
    const asked: number[] = [];
    documents.changesSince = (version) => {
      // Behind the first page of reading anew, and behind the first one of what it was set back to.
      if (asked.at(-1) === 0) (asked.filter((from) => from === 0).length === 1 ? setBackTwice : setBack)();
      asked.push(version);
      return changesSince(version);
    };
    await ring();
    await ring();
    const gone = seen.flatMap((change) => ("value" in change ? [] : [change.id]));
    // Anew; set back, and so to the end of the first page; and twice, owners first.
    expect(asked.filter((from) => from === 0)).toHaveLength(4);
    expect(gone.toSorted()).toEqual(Array.from({ length: 1500 }, (_, index) => `key_${index}`).toSorted());
    expect(seen.every((change) => "value" in change || change.isRewound === true)).toBe(true);
  });

  test("takes nothing away where it is another database, as where a damaged file was replaced", async () => {
    const { documents, feed, seen, told, clock, ring } = scene({ first: ["key"] });
    const empty = documents.saved();
    for (const id of ["one", "two"]) await put(documents, id);
    feed.start();
    await feed.ready;
    empty();
    clock.time += 1000;
    // What this gateway itself writes down is no sign of what was there.
    await put(documents, "one");
    seen.length = 0;
    await ring();
    expect(isThere(seen)).toEqual([["one", true]]);
    expect(told.at(-1)).toContain("stays in force");
  });
});

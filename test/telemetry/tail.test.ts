import { expect, test } from "bun:test";
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLineSplitter } from "../../src/telemetry/line-splitter.ts";
import { tailFile } from "../../src/telemetry/tail.ts";
import { collectLines } from "../support/collect-lines.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function lastLines(file: string, lines: number): Promise<string[]> {
  const seen: string[] = [];
  await tailFile({ file, lines, follow: false, onLine: (line) => void seen.push(line) });
  return seen;
}

/** Follows a file in the background. */
function follow(file: string, lines: number) {
  const collected = collectLines();
  const stop = new AbortController();
  const { signal } = stop;
  const done = tailFile({ file, lines, follow: true, signal, onLine: (line) => collected.take(line) });
  return {
    until: (count: number) => collected.until(count),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

test("lines are cut from bytes wherever the pieces end", () => {
  const bytes = Buffer.from("erste Zeile\r\nzwölf 😀\n\n日本語\nrest");
  const whole = ["erste Zeile", "zwölf 😀", "", "日本語"];
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const splitter = createLineSplitter();
    expect([...splitter.push(bytes.subarray(0, cut)), ...splitter.push(bytes.subarray(cut))]).toEqual(whole);
    expect(splitter.rest()).toBe("rest");
  }
});

test("the last lines are the last lines, whatever their number and length", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  for (const length of [1, 100, 65_535, 65_536, 200_000]) {
    const all = Array.from({ length: 7 }, (_, index) => String(index).repeat(length));
    for (const end of ["\n", ""]) {
      writeFileSync(file, all.join("\n") + end);
      for (const count of [1, 2, 6, 7, 8, 1000]) expect(await lastLines(file, count)).toEqual(all.slice(-count));
      expect(await lastLines(file, 0)).toEqual([]);
    }
  }
  writeFileSync(file, "\n\n\n");
  expect(await lastLines(file, 2)).toEqual(["", ""]);
  writeFileSync(file, "");
  expect(await lastLines(file, 5)).toEqual([]);
});

test("a file that is not there has no lines", async () => {
  using temporary = temporaryFolder();
  expect(await lastLines(join(temporary.path, "none.log"), 5)).toEqual([]);
});

test("the end of a huge file is shown without reading the rest", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  // Sparse: 20 GB that would take much longer than this test may.
  truncateSync(writeEmpty(file), 20 * 1024 ** 3);
  appendFileSync(file, "\nlast but one\nlast\n");
  expect(await lastLines(file, 2)).toEqual(["last but one", "last"]);
});

function writeEmpty(file: string): string {
  writeFileSync(file, "");
  return file;
}

test("following shows what is appended, a line in pieces only when it is complete", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  writeFileSync(file, "one\ntwo\nthr");
  await using tail = follow(file, 2);
  expect(await tail.until(1)).toEqual(["two"]);
  appendFileSync(file, Buffer.from("ee ü").subarray(0, 4));
  appendFileSync(file, Buffer.concat([Buffer.from("ü").subarray(1), Buffer.from("\nfour\n")]));
  expect(await tail.until(3)).toEqual(["two", "three ü", "four"]);
});

test("following survives rotation: the old file to its end, then the new one", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  writeFileSync(file, "old 1\n");
  await using tail = follow(file, 10);
  await tail.until(1);
  appendFileSync(file, "old 2\nold 3\n");
  renameSync(file, `${file}.1`);
  writeFileSync(file, "new 1\n");
  expect(await tail.until(4)).toEqual(["old 1", "old 2", "old 3", "new 1"]);
  appendFileSync(file, "new 2\n");
  expect(await tail.until(5)).toEqual(["old 1", "old 2", "old 3", "new 1", "new 2"]);
});

test("following waits while the file is away", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  await using tail = follow(file, 10);
  writeFileSync(file, "first\n");
  expect(await tail.until(1)).toEqual(["first"]);
  rmSync(file);
  writeFileSync(file, "second\n");
  expect(await tail.until(2)).toEqual(["first", "second"]);
});

test("following survives truncation in place", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  writeFileSync(file, "a long first line\nhalf");
  await using tail = follow(file, 10);
  await tail.until(1);
  truncateSync(file, 0);
  appendFileSync(file, "new\n");
  expect(await tail.until(2)).toEqual(["a long first line", "new"]);
});

test("a slow reader gets every line in order, one at a time", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  writeFileSync(file, Array.from({ length: 50 }, (_, index) => `${index}\n`).join(""));
  let running = 0;
  const seen: string[] = [];
  await tailFile({
    file,
    lines: 50,
    follow: false,
    async onLine(line) {
      running += 1;
      expect(running).toBe(1);
      await new Promise(setImmediate);
      seen.push(line);
      running -= 1;
    },
  });
  expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
});

test("a listener that throws ends the tail with its error", async () => {
  using temporary = temporaryFolder();
  const file = join(temporary.path, "traffic.log");
  writeFileSync(file, "one\n");
  const tail = tailFile({
    file,
    lines: 1,
    follow: true,
    onLine() {
      throw new Error("reader gone");
    },
  });
  expect(await tail.catch(String)).toBe("Error: reader gone");
});

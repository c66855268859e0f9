import { expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { localDay } from "../../src/telemetry/local-time.ts";
import { formatTrafficLine, parseTrafficLine } from "../../src/telemetry/traffic-line.ts";
import { createTrafficLog, type TrafficLogOptions } from "../../src/telemetry/traffic-log.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const day = 24 * 60 * 60 * 1000;
const today = localDay(Date.now()).replaceAll("-", "");
const yesterday = localDay(Date.now() - day).replaceAll("-", "");

function logIn(folder: string, changes: Partial<TrafficLogOptions> = {}) {
  const warnings: string[] = [];
  const file = join(folder, "logs", "traffic.log");
  const onWarning = (message: string) => void warnings.push(message);
  const log = createTrafficLog({ file, maxBytes: 1e9, daily: true, keep: 14, onWarning, ...changes });
  return { file, warnings, log, folder: join(folder, "logs") };
}

function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

function makeOld(file: string): void {
  const time = new Date(Date.now() - day);
  utimesSync(file, time, time);
}

test("nothing is created before the first record, then folder and file", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path);
  expect(existsSync(folder)).toBe(false);
  const records = [makeRecord(), makeRecord({ userText: "two\nlines" })];
  void log.write(records);
  void log.write([]);
  expect(linesOf(file)).toEqual(records.map(formatTrafficLine));
  void log.close();
});

test("the file is put aside before it grows too large, and only so many are kept", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path, { maxBytes: 400, keep: 3 });
  const records = Array.from({ length: 24 }, () => makeRecord({ userText: "x".repeat(50) }));
  for (const record of records) void log.write([record]);
  void log.close();
  expect(readdirSync(folder).sort()).toEqual(
    [`traffic-${today}.4.log`, `traffic-${today}.5.log`, `traffic-${today}.6.log`, "traffic.log"].sort(),
  );
  const kept = [4, 5, 6].flatMap((sequence) => linesOf(join(folder, `traffic-${today}.${sequence}.log`)));
  const expected = records.map(formatTrafficLine);
  expect([...kept, ...linesOf(file)]).toEqual(expected.slice(-kept.length - linesOf(file).length));
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(400);
});

test("a large batch is rotated in between and loses no line", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path, { maxBytes: 1_500_000 });
  const records = Array.from({ length: 100 }, () => makeRecord({ userText: "é".repeat(20_000) }));
  void log.write(records);
  const rotated = readdirSync(folder).filter((name) => name !== "traffic.log");
  expect(rotated.length).toBeGreaterThan(1);
  const lines = [...rotated, "traffic.log"].flatMap((name) => linesOf(join(folder, name)));
  expect(lines.toSorted()).toEqual(records.map(formatTrafficLine).toSorted());
  expect(existsSync(file)).toBe(true);
  void log.close();
});

test("a new local day begins a new file, named after the day of what it holds", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path);
  void log.write([makeRecord({ userText: "old" })]);
  makeOld(file);
  void log.write([makeRecord({ userText: "new" })]);
  expect(linesOf(join(folder, `traffic-${yesterday}.log`)).map((line) => parseTrafficLine(line)?.user)).toEqual([
    "old",
  ]);
  expect(linesOf(file).map((line) => parseTrafficLine(line)?.user)).toEqual(["new"]);
  void log.close();
});

test("midnight by the injected clock rotates a file that stays open", () => {
  using temporary = temporaryFolder();
  let now = Date.now();
  const { log, folder } = logIn(temporary.path, { now: () => now });
  void log.write([makeRecord()]);
  void log.write([makeRecord()]);
  expect(readdirSync(folder)).toEqual(["traffic.log"]);
  now += day;
  void log.write([makeRecord()]);
  expect(readdirSync(folder).sort()).toEqual([`traffic-${today}.log`, "traffic.log"]);
  void log.close();
});

test("without daily rotation an old file is written on", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path, { daily: false });
  void log.write([makeRecord()]);
  makeOld(file);
  void log.write([makeRecord()]);
  expect(readdirSync(folder)).toEqual(["traffic.log"]);
  expect(linesOf(file)).toHaveLength(2);
  void log.close();
});

test("rotated files are found by their exact names only", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path, { keep: 0 });
  mkdirSync(folder, { recursive: true });
  const others = ["traffic-2026.log", "trafficX20261120.log", "traffic-20261120.log.gz", "other-20261120.log"];
  for (const name of others) writeFileSync(join(folder, name), "mine");
  writeFileSync(join(folder, "traffic-20200101.3.log"), "old");
  void log.write([makeRecord()]);
  makeOld(file);
  void log.write([makeRecord()]);
  expect(readdirSync(folder).sort()).toEqual([...others, "traffic.log"].sort());
  void log.close();
});

test("a file that was renamed, removed or truncated by somebody else is taken up again", () => {
  using temporary = temporaryFolder();
  const { log, file } = logIn(temporary.path);
  void log.write([makeRecord()]);
  renameSync(file, `${file}.1`);
  void log.write([makeRecord()]);
  expect([linesOf(`${file}.1`).length, linesOf(file).length]).toEqual([1, 1]);
  rmSync(file);
  void log.write([makeRecord()]);
  expect(linesOf(file)).toHaveLength(1);
  writeFileSync(file, "");
  void log.write([makeRecord(), makeRecord()]);
  expect(linesOf(file)).toHaveLength(2);
  void log.close();
});

test("half a line that a killed process left does not swallow the next one", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path);
  mkdirSync(folder, { recursive: true });
  appendFileSync(file, "2026-11-20T10:30:00.123Z | cut in the mid");
  const record = makeRecord();
  void log.write([record]);
  void log.write([record]);
  expect(linesOf(file)).toEqual([
    "2026-11-20T10:30:00.123Z | cut in the mid",
    ...Array(2).fill(formatTrafficLine(record)),
  ]);
  void log.close();
});

test("a rotation that fails warns once, and the log is written on", () => {
  using temporary = temporaryFolder();
  // The name is legal, the longer one of the rotated file is not.
  const file = join(temporary.path, `${"x".repeat(245)}.log`);
  const { log, warnings } = logIn(temporary.path, { file, maxBytes: 1 });
  for (let count = 0; count < 3; count += 1) void log.write([makeRecord()]);
  expect(linesOf(file)).toHaveLength(3);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(file);
  void log.close();
});

test("a folder that cannot be made throws, and the log works once it can", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path);
  writeFileSync(folder, "a file in the way");
  expect(() => log.write([makeRecord()])).toThrow(/EEXIST|ENOTDIR/);
  rmSync(folder);
  void log.write([makeRecord()]);
  expect(linesOf(file)).toHaveLength(1);
  void log.close();
});

test.skipIf(process.platform !== "linux")("a full disk throws, and the log works again when there is room", () => {
  using temporary = temporaryFolder();
  const { log, file, folder } = logIn(temporary.path);
  mkdirSync(folder);
  symlinkSync("/dev/full", file);
  expect(() => log.write([makeRecord()])).toThrow(/ENOSPC/);
  expect(() => log.write([makeRecord()])).toThrow(/ENOSPC/);
  rmSync(file);
  void log.write([makeRecord()]);
  expect(linesOf(file)).toHaveLength(1);
  void log.close();
});

import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { createLineSplitter } from "../../telemetry/line-splitter.ts";
import type { Read, TableAccess } from "../table-access.ts";
import { type Table, type TableName, tableNames, type TableRow, tables } from "../tables.ts";
import { DamagedBackup } from "./backup-error.ts";
import { allRows, countRow, type NamedRow, noRows, type RowCounts } from "./rows.ts";

/**
 * A backup that any engine reads: JSON lines, compressed. The first says what it is, the last how many rows there were, so
 * that one that was cut off is known as such; each between them is `["table", {row}]`.
 */
const format = "orcestator-backup";
const formatVersion = 1;

function withoutNothing(row: TableRow): TableRow {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

/** `told` is what people are told of. */
async function* linesOf(read: Read, told: RowCounts): AsyncGenerator<string> {
  const counts = noRows();
  yield `${JSON.stringify({ format, version: formatVersion, createdAt: new Date().toISOString() })}\n`;
  for await (const { name, row } of allRows(read)) {
    counts[name] += 1;
    countRow(told, { name, row });
    yield `${JSON.stringify([name, withoutNothing(row)])}\n`;
  }
  yield `${JSON.stringify({ end: true, rows: counts })}\n`;
}

/** Writes everything of a database, as it is at one moment, into a file that is new or empty, and that its owner alone may read. */
export async function writePortable(access: TableAccess, path: string): Promise<RowCounts> {
  const told = noRows();
  await access.snapshot((read) =>
    pipeline(linesOf(read, told), createGzip({ level: 6 }), createWriteStream(path, { mode: 0o600 })),
  );
  return told;
}

/** What is wrong with a file that cannot be unzipped, or not to its end. */
function damage(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "Z_BUF_ERROR") return new DamagedBackup("it was cut off");
  if (error.code !== "Z_DATA_ERROR") return error;
  const isOther = error.message.includes("header");
  return new DamagedBackup(isOther ? "it is no backup of this gateway" : "it was changed since it was written");
}

async function* unzippedBlocks(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const block of createReadStream(path).pipe(createGunzip())) yield block as Buffer;
  } catch (error) {
    throw damage(error);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new DamagedBackup("it has a line that is no JSON");
  }
}

async function* jsonLinesOf(path: string): AsyncGenerator {
  const splitter = createLineSplitter();
  for await (const block of unzippedBlocks(path)) {
    for (const line of splitter.push(block)) yield parsed(line);
  }
  if (splitter.rest() !== "") throw new DamagedBackup("it ends in the middle of a line: it was cut off");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkHead(value: unknown): void {
  if (!isRecord(value) || value["format"] !== format) throw new DamagedBackup("it is no backup of this gateway");
  if (value["version"] !== formatVersion)
    throw new DamagedBackup(`it is of version ${String(value["version"])}; run the newer release that wrote it`);
}

function checkedRow(name: TableName, value: unknown): TableRow {
  const { columns, key }: Table = tables[name];
  if (!isRecord(value) || typeof value[key] !== "string")
    throw new DamagedBackup(`it has a row of ${name} without a key`);
  const unknown = Object.keys(value).find((column) => !Object.hasOwn(columns, column));
  if (unknown !== undefined)
    throw new DamagedBackup(`its ${name} have a column ${unknown}, which a newer release wrote; run that`);
  for (const [column, kind] of Object.entries(columns)) {
    const cell = value[column] ?? null;
    const type = kind === "name" || kind === "text" ? "string" : "number";
    if (cell !== null && typeof cell !== type)
      throw new DamagedBackup(`it has a row of ${name} whose ${column} is no ${type}`);
  }
  return value as TableRow;
}

function rowIn(value: unknown): NamedRow {
  const [text, row] = Array.isArray(value) ? (value as unknown[]) : [];
  const name = tableNames.find((known) => known === text);
  if (name === undefined) throw new DamagedBackup("it has a line that is no row of a table known here");
  return { name, row: checkedRow(name, row) };
}

function checkEnd(value: Readonly<Record<string, unknown>>, counts: RowCounts): void {
  const told = value["rows"];
  const isWhole = isRecord(told) && tableNames.every((name) => (told[name] ?? 0) === counts[name]);
  if (!isWhole) throw new DamagedBackup("rows are missing in it");
}

/** Rows of a backup. Throws DamagedBackup where it is none, or not a whole one: at its end at the latest. */
export async function* readPortable(path: string): AsyncGenerator<NamedRow> {
  const counts = noRows();
  let lines = 0;
  let hasEnded = false;
  for await (const value of jsonLinesOf(path)) {
    lines += 1;
    if (lines === 1) checkHead(value);
    else if (hasEnded) throw new DamagedBackup("something follows behind its end");
    else if (isRecord(value)) {
      checkEnd(value, counts);
      hasEnded = true;
    } else {
      const found = rowIn(value);
      counts[found.name] += 1;
      yield found;
    }
  }
  if (!hasEnded) throw new DamagedBackup("its end is missing: it was cut off");
}

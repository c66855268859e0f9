import { type FileHandle, open, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createLineSplitter, type LineSplitter } from "./line-splitter.ts";

export interface TailOptions {
  file: string;
  /** How many lines of what is there come first. */
  lines: number;
  /** Go on with what is appended, until `signal` aborts. */
  follow: boolean;
  signal?: AbortSignal | undefined;
  /** Called once a line, without its line end; the next line waits for a returned promise. */
  onLine: (line: string) => void | Promise<void>;
}

interface OpenLog {
  handle: FileHandle;
  inode: bigint;
  offset: number;
  splitter: LineSplitter;
}

const pollMs = 200;
const blockBytes = 64 * 1024;
const lineFeed = 0x0a;

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Where the last `lines` lines begin; reads backwards, so that a huge file costs no more than what is shown of it. */
async function findTailStart(handle: FileHandle, lines: number): Promise<number> {
  const block = Buffer.alloc(blockBytes);
  const { size } = await handle.stat();
  let end = size;
  let wanted = lines;
  while (end > 0) {
    const begin = Math.max(0, end - blockBytes);
    const { bytesRead } = await handle.read(block, 0, end - begin, begin);
    let last = block.subarray(0, bytesRead).lastIndexOf(lineFeed);
    // The line feed that ends the last line begins no further one.
    if (end === size && last === bytesRead - 1) wanted += 1;
    if (end === size) wanted = Math.max(1, wanted);
    for (; last !== -1; last = last === 0 ? -1 : block.lastIndexOf(lineFeed, last - 1)) {
      wanted -= 1;
      if (wanted === 0) return begin + last + 1;
    }
    end = begin;
  }
  return 0;
}

/** `undefined` when there is no such file (yet). */
async function openLog(file: string, startOf: (handle: FileHandle) => Promise<number>): Promise<OpenLog | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    const { ino } = await handle.stat({ bigint: true });
    return { handle, inode: ino, offset: await startOf(handle), splitter: createLineSplitter() };
  } catch (error) {
    await handle?.close();
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function inodeOf(file: string): Promise<bigint | undefined> {
  try {
    return (await stat(file, { bigint: true })).ino;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function emit(lines: readonly string[], { onLine, signal }: TailOptions): Promise<void> {
  for (const line of lines) {
    if (signal?.aborted === true) return;
    const pending = onLine(line);
    if (pending !== undefined) await pending;
  }
}

async function readOn(log: OpenLog, options: TailOptions): Promise<void> {
  const { size } = await log.handle.stat();
  if (size < log.offset) {
    // Truncated in place: what comes now is new from the first byte.
    log.offset = 0;
    log.splitter = createLineSplitter();
  }
  const block = Buffer.alloc(blockBytes);
  while (options.signal?.aborted !== true) {
    const { bytesRead } = await log.handle.read(block, 0, blockBytes, log.offset);
    if (bytesRead === 0) return;
    log.offset += bytesRead;
    await emit(log.splitter.push(block.subarray(0, bytesRead)), options);
  }
}

async function emitRest(log: OpenLog | undefined, options: TailOptions): Promise<void> {
  const rest = log?.splitter.rest() ?? "";
  if (rest !== "") await emit([rest], options);
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
  } catch {
    // Aborted, which the caller sees itself.
  }
}

/**
 * The last lines of a growing text file, then every new one. A file that is not there has no lines; following waits for it.
 * Following survives rotation (reads the old file to its end, then the new one) and truncation. Resolves when all is read or
 * `signal` aborts; rejects when the file cannot be read or `onLine` throws.
 */
export async function tailFile(options: TailOptions): Promise<void> {
  const { file, lines, follow, signal } = options;
  let log = await openLog(file, (handle) => findTailStart(handle, lines));
  try {
    for (;;) {
      // Looked up before reading: when it differs, the old file has already got its last line.
      const inode = await inodeOf(file);
      if (log !== undefined) await readOn(log, options);
      if (signal?.aborted === true) return;
      if (!follow) return await emitRest(lines === 0 ? undefined : log, options);
      if (inode === undefined || inode === log?.inode) {
        await pause(signal);
        continue;
      }
      await emitRest(log, options);
      await log?.handle.close();
      log = undefined;
      log = await openLog(file, () => Promise.resolve(0));
    }
  } finally {
    await log?.handle.close();
  }
}

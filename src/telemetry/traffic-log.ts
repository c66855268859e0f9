import { renameSync, rmSync, type Stats, statSync } from "node:fs";
import { errorText } from "../lib/error-text.ts";
import { createAppendFile } from "./append-file.ts";
import { compactDay } from "./local-time.ts";
import type { RequestRecord } from "./request-record.ts";
import { reserveRotatedPath, rotatedFiles } from "./rotated-files.ts";
import type { RecordSink } from "./sink.ts";
import { formatTrafficLine } from "./traffic-line.ts";

export interface TrafficLogOptions {
  file: string;
  /** The file is put aside before it grows beyond this size. */
  maxBytes: number;
  /** Whether it is also put aside when a new local day begins. */
  daily: boolean;
  /** How many files put aside are kept. */
  keep: number;
  onWarning: (message: string) => void;
  /** Epoch ms; the clock of the machine by default. */
  now?: () => number;
}

/** Largest text written at once, so that a batch of full prompts does not double in memory. */
const maxChunkBytes = 1024 * 1024;

interface Chunk {
  text: string;
  bytes: number;
}

/** Lines joined to chunks of at most `limit` bytes; a longer line is a chunk of its own. */
function* chunksOf(records: readonly RequestRecord[], limit: number): Generator<Chunk> {
  let lines: string[] = [];
  let bytes = 0;
  for (const record of records) {
    const line = `${formatTrafficLine(record)}\n`;
    const lineBytes = Buffer.byteLength(line);
    if (bytes > 0 && bytes + lineBytes > limit) {
      yield { text: lines.join(""), bytes };
      lines = [];
      bytes = 0;
    }
    lines.push(line);
    bytes += lineBytes;
  }
  if (bytes > 0) yield { text: lines.join(""), bytes };
}

/**
 * One readable line a request. Nothing is created before the first record. A batch that cannot be written throws (full disk,
 * locked file) and the next one tries anew; a rotation that cannot be done warns once and is tried again with every batch.
 */
export function createTrafficLog(options: TrafficLogOptions): RecordSink {
  const { file, maxBytes, daily, keep, onWarning, now = Date.now } = options;
  const output = createAppendFile(file);
  let rotationFailed = false;

  function isDue(stat: Stats, bytes: number): boolean {
    if (!stat.isFile() || stat.size === 0) return false;
    return stat.size + bytes > maxBytes || (daily && compactDay(stat.mtimeMs) !== compactDay(now()));
  }

  function putAside(stat: Stats): void {
    // Windows refuses to rename a file that is open.
    output.close();
    const target = reserveRotatedPath(file, compactDay(stat.mtimeMs));
    try {
      // Another worker may have done it in the meantime; its new file must stay.
      if (statSync(file).ino === stat.ino) renameSync(file, target);
      else rmSync(target);
    } catch (error) {
      rmSync(target, { force: true });
      throw error;
    }
  }

  function prune(): void {
    const files = rotatedFiles(file);
    for (const { path } of files.slice(0, Math.max(0, files.length - keep))) rmSync(path, { force: true });
  }

  function rotateWhenDue(bytes: number): void {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined || !isDue(stat, bytes)) return;
    try {
      putAside(stat);
      prune();
      rotationFailed = false;
    } catch (error) {
      if (!rotationFailed)
        onWarning(`rotation of ${file} failed and is tried again with every batch: ${errorText(error)}`);
      rotationFailed = true;
    }
  }

  return {
    name: "traffic-log",
    write(records) {
      for (const { text, bytes } of chunksOf(records, Math.min(maxBytes, maxChunkBytes))) {
        rotateWhenDue(bytes);
        output.append(text);
      }
    },
    close: () => output.close(),
  };
}

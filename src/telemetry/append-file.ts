import { closeSync, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A text file that grows by whole lines and is shared with other writers and with log rotation. */
export interface AppendFile {
  /** Appends text that ends with a newline. Throws what the file system says; the next call starts afresh. */
  append(text: string): void;
  /** Lets go of the file; the next `append` opens it again. */
  close(): void;
}

interface OpenFile {
  descriptor: number;
  inode: bigint;
}

function endsInsideLine(descriptor: number): boolean {
  const stat = fstatSync(descriptor);
  if (!stat.isFile() || stat.size === 0) return false;
  const last = Buffer.alloc(1);
  return readSync(descriptor, last, 0, 1, stat.size - 1) === 1 && last[0] !== 0x0a;
}

function writeFully(descriptor: number, data: Buffer): void {
  let written = 0;
  while (written < data.length) written += writeSync(descriptor, data, written, data.length - written);
}

/** Creates neither file nor folder before the first `append`. */
export function createAppendFile(path: string): AppendFile {
  let open: OpenFile | undefined;

  function close(): void {
    if (open === undefined) return;
    const { descriptor } = open;
    open = undefined;
    closeSync(descriptor);
  }

  function ensureOpen(): { descriptor: number; isFresh: boolean } {
    // Somebody may have moved or removed the file (logrotate, another worker): writing on would fill a file nobody sees.
    if (open !== undefined && statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === open.inode) {
      return { descriptor: open.descriptor, isFresh: false };
    }
    close();
    mkdirSync(dirname(path), { recursive: true });
    const descriptor = openSync(path, "a+", 0o640);
    open = { descriptor, inode: fstatSync(descriptor, { bigint: true }).ino };
    return { descriptor, isFresh: true };
  }

  function append(text: string): void {
    try {
      const { descriptor, isFresh } = ensureOpen();
      // A full disk or a killed process leaves half a line; it must not swallow the next one.
      const start = isFresh && endsInsideLine(descriptor) ? "\n" : "";
      writeFully(descriptor, Buffer.from(start + text));
    } catch (error) {
      close();
      throw error;
    }
  }

  return { append, close };
}

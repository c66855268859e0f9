export interface LineSplitter {
  /** Takes the next bytes; returns the lines they complete, decoded, without line ends. */
  push(bytes: Buffer): string[];
  /** The line that has no end yet; empty when there is none. */
  rest(): string;
}

const lineFeed = 0x0a;

/** Cuts bytes into lines before decoding, so that a character may lie across two pieces. */
export function createLineSplitter(): LineSplitter {
  let pieces: Buffer[] = [];

  function take(last: Buffer): string {
    const bytes = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
    pieces = [];
    const text = bytes.toString("utf8");
    return text.endsWith("\r") ? text.slice(0, -1) : text;
  }

  return {
    push(bytes) {
      const lines: string[] = [];
      let start = 0;
      for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, start)) {
        lines.push(take(bytes.subarray(start, end)));
        start = end + 1;
      }
      // A copy: the caller reads the next piece into the same buffer.
      if (start < bytes.length) pieces.push(Buffer.from(bytes.subarray(start)));
      return lines;
    },
    rest: () => take(Buffer.alloc(0)),
  };
}

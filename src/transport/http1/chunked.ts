import type { Framing, Share } from "./framing.ts";
import { MalformedResponse } from "./malformed.ts";

const cr = 13;
const lf = 10;
/** Room for the extensions that some write behind a chunk's size. */
const longestLine = 4096;
const mostTrailerBytes = 16 * 1024;
/** 2^48 bytes and more are no chunk. */
const mostDigits = 12;

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

type Step = "size" | "extension" | "size-lf" | "payload" | "payload-cr" | "payload-lf" | "trailer" | "ended";

/**
 * The chunked coding. Walks byte by byte through the sizes only: the payloads are moved together, so that what came
 * with one packet is handed on as one piece.
 */
export function createChunkedFraming(): Framing {
  const share: Share = { start: 0, end: 0 };
  let step: Step = "size";
  /** Of the chunk whose size is being read, or what is left of its payload. */
  let size = 0;
  let digits = 0;
  /** Of the extension or the trailers. */
  let skipped = 0;
  let lineLength = 0;
  let previous = 0;
  let excess = false;

  function takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      digits += 1;
      if (digits > mostDigits) throw new MalformedResponse("a chunk that is too large");
      size = size * 16 + digit;
      return;
    }
    if (digits === 0) throw new MalformedResponse("a chunk without a size");
    if (byte === cr) step = "size-lf";
    else if (byte === 59 || byte === 32 || byte === 9) step = "extension";
    else throw new MalformedResponse("a chunk with an invalid size");
  }

  function takeExtension(byte: number): void {
    skipped += 1;
    if (byte === cr) step = "size-lf";
    else if (byte === lf || skipped > longestLine) throw new MalformedResponse("a chunk with an invalid extension");
  }

  function endSizeLine(byte: number): void {
    if (byte !== lf) throw new MalformedResponse("a chunk size without a line end");
    step = size === 0 ? "trailer" : "payload";
    digits = 0;
    skipped = 0;
    lineLength = 0;
    previous = 0;
  }

  function takeTrailer(byte: number): void {
    skipped += 1;
    if (skipped > mostTrailerBytes) throw new MalformedResponse("trailers of more than 16 KiB");
    if (previous === cr && byte !== lf) throw new MalformedResponse("a trailer with a bare line break");
    if (byte === lf) {
      if (previous !== cr) throw new MalformedResponse("a trailer with a bare line break");
      if (lineLength === 0) step = "ended";
      lineLength = 0;
    } else if (byte !== cr) lineLength += 1;
    previous = byte;
  }

  function takeByte(byte: number): void {
    if (step === "size") takeSize(byte);
    else if (step === "size-lf") endSizeLine(byte);
    else if (step === "payload-cr" || step === "payload-lf") {
      if (byte !== (step === "payload-cr" ? cr : lf)) throw new MalformedResponse("a chunk longer than its size");
      step = step === "payload-cr" ? "payload-lf" : "size";
    } else if (step === "extension") takeExtension(byte);
    else takeTrailer(byte);
  }

  /** The common case: what came is one chunk, as most servers flush their events. The machine below decides all others. */
  function takeOnlyChunk(bytes: Buffer): boolean {
    if (step !== "size" || digits > 0) return false;
    let length = 0;
    let at = 0;
    for (let digit = hexDigit(bytes[0] ?? 0); digit !== -1 && at < mostDigits; digit = hexDigit(bytes[at] ?? 0)) {
      length = length * 16 + digit;
      at += 1;
    }
    const end = at + 2 + length;
    if (length === 0 || end + 2 !== bytes.length) return false;
    const isFramed = bytes[at] === cr && bytes[at + 1] === lf && bytes[end] === cr && bytes[end + 1] === lf;
    if (!isFramed) return false;
    share.start = at + 2;
    share.end = end;
    return true;
  }

  return {
    take(bytes) {
      if (takeOnlyChunk(bytes)) return share;
      let start = 0;
      let end = 0;
      let at = 0;
      while (at < bytes.length && step !== "ended") {
        if (step !== "payload") {
          takeByte(bytes[at] ?? 0);
          at += 1;
          continue;
        }
        const length = Math.min(size, bytes.length - at);
        if (end === 0) {
          start = at;
          end = at;
        } else bytes.copyWithin(end, at, at + length);
        end += length;
        at += length;
        size -= length;
        if (size === 0) step = "payload-cr";
      }
      if (at < bytes.length) excess = true;
      share.start = start;
      share.end = end;
      return share;
    },
    isEnded: () => step === "ended",
    hasExcess: () => excess,
    endsAtClose: false,
  };
}

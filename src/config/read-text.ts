import { readFileSync } from "node:fs";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be";

export interface DecodedText {
  /** Without byte order mark, with `\n` as line end. */
  readonly text: string;
  /** The line end that the file uses. */
  readonly lineEnd: "\n" | "\r\n";
  /** Some bytes were not valid in the encoding (typical: a file saved as "ANSI" by Notepad). */
  readonly isDamaged: boolean;
  readonly encoding: Encoding;
}

function encodingOf(bytes: Uint8Array): Encoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  // ASCII text in UTF-16 without a byte order mark has a zero in every second byte.
  if (bytes.length >= 4 && bytes[0] !== 0 && bytes[1] === 0 && bytes[3] === 0) return "utf-16le";
  if (bytes.length >= 4 && bytes[0] === 0 && bytes[1] !== 0 && bytes[2] === 0) return "utf-16be";
  return "utf-8";
}

/**
 * Text of a file a person wrote: UTF-8 with or without a byte order mark (Notepad writes one), or UTF-16
 * (what PowerShell's `>` writes). Line ends become `\n`.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
  const encoding = encodingOf(bytes);
  const raw = new TextDecoder(encoding).decode(bytes);
  const text = raw.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
  return { text, lineEnd: raw.includes("\r\n") ? "\r\n" : "\n", isDamaged: text.includes("\uFFFD"), encoding };
}

/** Decoded text of a file; throws the file system's error. */
export function readText(path: string): DecodedText {
  return decodeText(readFileSync(path));
}

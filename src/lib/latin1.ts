/** Node's own method, which its types leave out: on the bytes themselves it spares a Buffer around them. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start?: number, end?: number) => string;
};

/**
 * Bytes as a string of the same length, one character a byte. JSON and SSE structure is ASCII, so it can be searched and
 * cut with native string operations, every byte survives, and no chunk boundary can fall inside a character.
 */
export function latin1Of(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return latin1Slice.call(bytes, start, end);
}

export function bytesOfLatin1(text: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(text, "latin1");
}

/** Counting is many times cheaper than converting, and most texts on the wire are plain ASCII. */
export function isAscii(text: string): boolean {
  return Buffer.byteLength(text, "utf8") === text.length;
}

/** The UTF-8 text whose bytes `latin1` holds. */
export function utf8OfLatin1(latin1: string): string {
  return isAscii(latin1) ? latin1 : Buffer.from(latin1, "latin1").toString("utf8");
}

/** The bytes of a text's UTF-8 form, one character a byte. */
export function latin1OfUtf8(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

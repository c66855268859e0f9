/**
 * Bytes as a string of the same length, one character a byte. JSON and SSE structure is ASCII, so it can be searched and
 * cut with native string operations, every byte survives, and no chunk boundary can fall inside a character.
 */
export function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function bytesOfLatin1(text: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(text, "latin1");
}

/** The UTF-8 text whose bytes `latin1` holds. */
export function utf8OfLatin1(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

/** The bytes of a text's UTF-8 form, one character a byte. */
export function latin1OfUtf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

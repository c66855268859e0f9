import { createChunkedFraming } from "./chunked.ts";
import type { ResponseHead } from "./response-head.ts";

const nothing = Buffer.alloc(0);

/** Takes a body out of the bytes of a connection. */
export interface Framing {
  /** The body's share of `bytes`, which are changed in place; may be empty. Throws MalformedResponse. */
  take(bytes: Buffer): Buffer;
  /** All of the body has come. */
  isEnded(): boolean;
  /** Bytes have come that belong to no answer. */
  hasExcess(): boolean;
  /** The end of the connection is the end of the body. */
  readonly endsAtClose: boolean;
}

function createLengthFraming(length: number): Framing {
  let left = length;
  let excess = false;
  return {
    take(bytes) {
      if (bytes.length <= left) {
        left -= bytes.length;
        return bytes;
      }
      const share = bytes.subarray(0, left);
      excess = true;
      left = 0;
      return share;
    },
    isEnded: () => left === 0,
    hasExcess: () => excess,
    endsAtClose: false,
  };
}

const untilClose: Framing = {
  take: (bytes) => bytes,
  isEnded: () => false,
  hasExcess: () => false,
  endsAtClose: true,
};

export function framingOf({ status, isChunked, contentLength }: ResponseHead): Framing {
  if (status === 204 || status === 304) return createLengthFraming(0);
  if (isChunked) return createChunkedFraming(nothing);
  return contentLength === undefined ? untilClose : createLengthFraming(contentLength);
}

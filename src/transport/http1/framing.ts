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

class LengthFraming implements Framing {
  readonly endsAtClose = false;
  private left: number;
  private excess = false;

  constructor(length: number) {
    this.left = length;
  }

  take(bytes: Buffer): Buffer {
    if (bytes.length <= this.left) {
      this.left -= bytes.length;
      return bytes;
    }
    const share = bytes.subarray(0, this.left);
    this.excess = true;
    this.left = 0;
    return share;
  }

  isEnded(): boolean {
    return this.left === 0;
  }

  hasExcess(): boolean {
    return this.excess;
  }
}

const untilClose: Framing = {
  take: (bytes) => bytes,
  isEnded: () => false,
  hasExcess: () => false,
  endsAtClose: true,
};

export function framingOf({ status, isChunked, contentLength }: ResponseHead): Framing {
  if (status === 204 || status === 304) return new LengthFraming(0);
  if (isChunked) return createChunkedFraming(nothing);
  return contentLength === undefined ? untilClose : new LengthFraming(contentLength);
}

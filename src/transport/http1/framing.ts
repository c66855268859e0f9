import { createChunkedFraming } from "./chunked.ts";
import type { ResponseHead } from "./response-head.ts";

/** Where it lies in the bytes. Only good until the next one: a view of a socket's bytes costs more than reading them. */
export interface Share {
  start: number;
  end: number;
}

/** Takes a body out of the bytes of a connection. */
export interface Framing {
  /** The body's share of `bytes`, which are changed in place; may be empty. Throws MalformedResponse. */
  take(bytes: Buffer): Share;
  /** All of the body has come. */
  isEnded(): boolean;
  /** Bytes have come that belong to no answer. */
  hasExcess(): boolean;
  /** The end of the connection is the end of the body. */
  readonly endsAtClose: boolean;
}

class LengthFraming implements Framing {
  readonly endsAtClose = false;
  private readonly share: Share = { start: 0, end: 0 };
  private left: number;
  private excess = false;

  constructor(length: number) {
    this.left = length;
  }

  take({ length }: Buffer): Share {
    this.share.end = Math.min(length, this.left);
    if (length > this.left) this.excess = true;
    this.left -= this.share.end;
    return this.share;
  }

  isEnded(): boolean {
    return this.left === 0;
  }

  hasExcess(): boolean {
    return this.excess;
  }
}

const untilClose: Framing = {
  take: ({ length }) => ({ start: 0, end: length }),
  isEnded: () => false,
  hasExcess: () => false,
  endsAtClose: true,
};

export function framingOf({ status, isChunked, contentLength }: ResponseHead): Framing {
  if (status === 204 || status === 304) return new LengthFraming(0);
  if (isChunked) return createChunkedFraming();
  return contentLength === undefined ? untilClose : new LengthFraming(contentLength);
}

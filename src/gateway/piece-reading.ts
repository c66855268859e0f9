import { latin1Of } from "../lib/latin1.ts";
import type { PieceReader, UpstreamReply } from "../transport/reply.ts";

/** Reads an upstream's body piece by piece, for as long as somebody wants more. */
export interface PieceReading {
  /** Asks for the next pieces, unless one is waited for. */
  readOn(reply: UpstreamReply): void;
  /** A read is under way: the silence is the upstream's. */
  isReading(): boolean;
}

export interface PieceReadingOptions {
  /** Whether more is wanted right now. */
  readonly mayRead: () => boolean;
  /** Told of each piece (latin1), and with `undefined` of the body's end. */
  readonly onPiece: (piece: string | undefined) => void;
  readonly onBreak: (error: unknown) => void;
}

export function createPieceReading({ mayRead, onPiece, onBreak }: PieceReadingOptions): PieceReading {
  let isReading = false;
  /** The loop that reads is on the stack. */
  let isAsking = false;

  function settle(piece: string | undefined): void {
    isReading = false;
    onPiece(piece);
  }

  /** One for all pieces: they go out where they come in, without a promise in between. */
  const reader: PieceReader = {
    resolve(piece) {
      settle(piece === undefined ? undefined : latin1Of(piece));
    },
    resolveText: settle,
    reject(error) {
      onBreak(error);
      isReading = false;
    },
  };

  return {
    /** Pieces that wait already are told at once: they are taken one after the other, never one within the other. */
    readOn(reply) {
      if (isAsking) return;
      isAsking = true;
      while (!isReading && mayRead()) {
        isReading = true;
        if (reply.readInto === undefined) reply.read().then(reader.resolve, reader.reject);
        else reply.readInto(reader);
      }
      isAsking = false;
    },
    isReading: () => isReading,
  };
}

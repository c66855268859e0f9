import { pipeline, Readable, type Transform } from "node:stream";
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import type { UpstreamReply } from "../reply.ts";

/** Whatever can be decoded is given out at once: an event must not wait for the next one. */
const flush = constants.Z_SYNC_FLUSH;

/** `deflate` means the zlib format, and some send the bare one; a zlib head has 8 in its lower four bits. */
function inflateFor(first: Uint8Array): Transform {
  return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate({ flush }) : createInflateRaw({ flush });
}

const decoders: Readonly<Record<string, (first: Uint8Array) => Transform>> = {
  gzip: () => createGunzip({ flush }),
  "x-gzip": () => createGunzip({ flush }),
  deflate: inflateFor,
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
};

function damaged(cause: unknown): Error {
  return Object.assign(new Error("The compressed body is damaged.", { cause }), { code: "Z_DATA_ERROR" });
}

/** The same answer with its body decoded; one in a coding that is not known stays as it is. */
export function decoded(reply: UpstreamReply, encoding: string): UpstreamReply {
  const createDecoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (createDecoder === undefined) return reply;
  let output: Promise<AsyncIterator<Uint8Array> | undefined> | undefined;
  let decoder: Transform | undefined;
  let isDropped = false;
  let sourceError: unknown;

  async function* encodedPieces(first: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      for (let piece: Uint8Array | undefined = first; piece !== undefined; piece = await reply.read()) yield piece;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  }

  async function begin(create: (first: Uint8Array) => Transform): Promise<AsyncIterator<Uint8Array> | undefined> {
    const first = await reply.read();
    if (first === undefined || isDropped) return undefined;
    decoder = create(first);
    // What goes wrong is told by the iterator.
    pipeline(Readable.from(encodedPieces(first), { highWaterMark: 1 }), decoder, () => undefined);
    return decoder[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  return {
    status: reply.status,
    get headers() {
      return reply.headers;
    },
    async read() {
      output ??= begin(createDecoder);
      const pieces = await output;
      if (pieces === undefined || isDropped) return undefined;
      try {
        const next = await pieces.next();
        return next.done === true ? undefined : next.value;
      } catch (error) {
        if (isDropped) return undefined;
        throw sourceError ?? damaged(error);
      }
    },
    cancel() {
      isDropped = true;
      decoder?.destroy();
      reply.cancel();
    },
  };
}

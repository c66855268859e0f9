import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import type { ReadableHeaders } from "./headers.ts";

/** Waits for one piece; exactly one of its functions is called, once. */
export interface PieceReader {
  resolve: (piece: Uint8Array | undefined) => void;
  reject: (error: unknown) => void;
  /** In place of `resolve`, for a piece of which there is no view of its own: one character a byte. */
  resolveText?: (piece: string) => void;
}

/** An upstream's answer from its head on; its body is read piece by piece. */
export interface UpstreamReply {
  readonly status: number;
  readonly headers: ReadableHeaders;
  /**
   * The next piece of the body, decoded; `undefined` at its proper end. Rejects when the connection breaks before it, or
   * with the reason of the stop signal. One call at a time. A reader that does not ask slows the upstream.
   */
  read(): Promise<Uint8Array | undefined>;
  /** As `read`, told where the bytes come in: without a promise for every event of a stream. It may be told at once. */
  readInto?(reader: PieceReader): void;
  /** The whole body, when it is here already and in one piece; nothing is left to read or to cancel then. */
  whole?(): Uint8Array | undefined;
  /** Nobody reads on: the connection is used again when the body has ended, and closed when not. Never throws. */
  cancel(): void;
}

export function replyOfResponse(response: Response): UpstreamReply {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return {
    status: response.status,
    headers: response.headers,
    async read() {
      if (reader === undefined) {
        if (response.body === null) return undefined;
        reader = response.body.getReader();
      }
      return (await reader.read()).value;
    },
    cancel() {
      // An unread body keeps its socket, and its slot, for good.
      void (reader ?? response.body)?.cancel().catch(() => undefined);
    },
  };
}

/** A body that is here already, as an answer. */
export function replyOfBytes(bytes: Uint8Array, headers: ReadableHeaders): UpstreamReply {
  let rest: Uint8Array | undefined = bytes;
  return {
    status: 200,
    headers,
    read() {
      const piece = rest;
      rest = undefined;
      return Promise.resolve(piece);
    },
    cancel: () => (rest = undefined),
  };
}

const lastWordsMs = 1000;
const mostLastWords = 64 * 1024;

/** The whole body. Rejects with GatewayError when it is larger than `limit` bytes. */
export async function readAll(reply: UpstreamReply, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let part = await reply.read(); part !== undefined; part = await reply.read()) {
    parts.push(part);
    size += part.length;
    if (size <= limit) continue;
    reply.cancel();
    const message = `The upstream's answer is larger than ${limit} bytes.`;
    throw new GatewayError({ code: "upstream_invalid_response", status: 502, message });
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/**
 * What comes of a body within a second, at most `limit` bytes, as text for error messages: the status says enough to go on.
 * Never rejects, and leaves nothing open.
 */
export async function readShort(reply: UpstreamReply, limit: number): Promise<string> {
  const callOff = alarms.set(lastWordsMs, () => reply.cancel());
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    while (size < limit) {
      const part = await reply.read();
      if (part === undefined) break;
      parts.push(part);
      size += part.length;
    }
  } catch {
    // What arrived is still worth showing.
  }
  callOff();
  reply.cancel();
  return Buffer.concat(parts).subarray(0, limit).toString("utf8");
}

/** Behind the terminal event of a stream the body's end comes at once or never: read to it, the connection can be used again. */
export async function readOut(reply: UpstreamReply): Promise<void> {
  const callOff = alarms.set(lastWordsMs, () => reply.cancel());
  try {
    let size = 0;
    for (let part = await reply.read(); part !== undefined && size < mostLastWords; part = await reply.read()) {
      size += part.length;
    }
  } catch {
    // The answer is whole already.
  }
  callOff();
  reply.cancel();
}

/** An upstream's answer from its head on; its body is read piece by piece. */
export interface UpstreamReply {
  readonly status: number;
  readonly headers: Headers;
  /**
   * The next piece of the body, decoded; `undefined` at its proper end. Rejects when the connection breaks before it, or
   * with the reason of the stop signal. One call at a time. A reader that does not ask slows the upstream.
   */
  read(): Promise<Uint8Array | undefined>;
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

/** The whole body. */
export async function readAll(reply: UpstreamReply): Promise<Uint8Array> {
  const first = await reply.read();
  if (first === undefined) return new Uint8Array(0);
  const parts = [first];
  for (let part = await reply.read(); part !== undefined; part = await reply.read()) parts.push(part);
  return parts.length === 1 ? first : Buffer.concat(parts);
}

/** At most `limit` bytes of a body as text, for error messages; never rejects, and leaves nothing open. */
export async function readShort(reply: UpstreamReply, limit: number): Promise<string> {
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
  reply.cancel();
  return Buffer.concat(parts).subarray(0, limit).toString("utf8");
}

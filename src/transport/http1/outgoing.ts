/** Above this, a body is not copied behind its head: two writes are cheaper. */
const largestJoined = 64 * 1024;

export interface Outgoing {
  send(head: string, body: Uint8Array | undefined): void;
  /** The socket takes more. */
  drain(): void;
  /** Everything is with the operating system. */
  isEmpty(): boolean;
}

/** Writes requests at the pace of the socket. */
export function createOutgoing(socket: Bun.Socket<unknown>): Outgoing {
  let waiting: Uint8Array[] = [];

  function drain(): void {
    for (let part = waiting[0]; part !== undefined; part = waiting[0]) {
      const written = socket.write(part);
      // Closed: the close is told on its own way.
      if (written < 0) return;
      if (written < part.length) {
        waiting[0] = part.subarray(written);
        return;
      }
      waiting.shift();
    }
  }

  return {
    send(head, body) {
      const size = body?.length ?? 0;
      const joined = size <= largestJoined;
      const first = Buffer.allocUnsafe(head.length + (joined ? size : 0));
      first.write(head, "latin1");
      if (body !== undefined && joined) first.set(body, head.length);
      waiting = body === undefined || joined ? [first] : [first, body];
      drain();
    },
    drain,
    isEmpty: () => waiting.length === 0,
  };
}

import { bytesOfLatin1, isAscii } from "../../lib/latin1.ts";

/** Above this, a body is not copied behind its head: two writes are cheaper. */
const largestJoined = 64 * 1024;

export interface Outgoing {
  /** A text has one character a byte. */
  send(head: string, body: Uint8Array | string | undefined): void;
  /** The socket takes more. */
  drain(): void;
  /** Everything is with the operating system. */
  isEmpty(): boolean;
}

function joined(head: string, body: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, "latin1");
  bytes.set(body, head.length);
  return bytes;
}

function partsOf(head: string, body: Uint8Array | string | undefined): Uint8Array[] {
  if (body === undefined || typeof body === "string") return [bytesOfLatin1(head + (body ?? ""))];
  return body.length <= largestJoined ? [joined(head, body)] : [bytesOfLatin1(head), body];
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

  /** Plain ASCII goes out without a copy of ours; what the socket does not take is left in `waiting`. */
  function sendText(text: string): void {
    const written = socket.write(text);
    if (written !== text.length) waiting = [bytesOfLatin1(written < 0 ? text : text.slice(written))];
  }

  return {
    send(head, body) {
      const text = typeof body === "object" ? undefined : head + (body ?? "");
      if (text !== undefined && isAscii(text)) {
        sendText(text);
        return;
      }
      waiting = text === undefined ? partsOf(head, body) : [bytesOfLatin1(text)];
      drain();
    },
    drain,
    isEmpty: () => waiting.length === 0,
  };
}

import type { UpstreamReply } from "../reply.ts";
import { decoded } from "./decoded.ts";
import { createIncomingBody, type IncomingBody } from "./incoming-body.ts";
import { headersOf, type ResponseHead } from "./response-head.ts";

/** What an transfer is on: a connection that is made, or one that stands. For an transfer it no longer carries, nothing happens. */
export interface Carrier {
  pause(transfer: Transfer): void;
  resume(transfer: Transfer): void;
  /** Leaves the transfer and closes at once. */
  abandon(transfer: Transfer): void;
}

/** One request and its answer, whatever carries them. */
export interface Transfer {
  /** Latin1 text of the request's head. */
  readonly head: string;
  readonly body: Uint8Array | undefined;
  carriedBy(carrier: Carrier): void;
  answered(head: ResponseHead): void;
  piece(bytes: Uint8Array): void;
  end(): void;
  /** `wasDead`: the connection had been used before and not a byte came back. */
  broke(error: Error, wasDead: boolean): void;
  /** From outside: what is pending rejects with `reason` now. */
  stop(reason: Error): void;
}

interface TransferOptions {
  head: string;
  body: Uint8Array | undefined;
  resolve: (reply: UpstreamReply) => void;
  reject: (error: Error) => void;
  /** Sends it once more on a new connection. */
  sendAgain: (transfer: Transfer) => void;
}

export function createTransfer({ head, body, resolve, reject, sendAgain }: TransferOptions): Transfer {
  let incoming: IncomingBody | undefined;
  let carrier: Carrier | undefined;
  let isStopped = false;

  const transfer: Transfer = {
    head,
    body,
    carriedBy(next) {
      carrier = next;
    },
    answered(responseHead) {
      incoming = createIncomingBody({
        pause: () => carrier?.pause(transfer),
        resume: () => carrier?.resume(transfer),
      });
      const reply = replyOf(responseHead, incoming, () => carrier?.abandon(transfer));
      resolve(responseHead.contentEncoding === undefined ? reply : decoded(reply, responseHead.contentEncoding));
    },
    piece: (bytes) => incoming?.push(bytes),
    end: () => incoming?.end(),
    broke(error, wasDead) {
      if (incoming !== undefined) incoming.fail(error);
      else if (wasDead && !isStopped) sendAgain(transfer);
      else reject(error);
    },
    stop(reason) {
      isStopped = true;
      carrier?.abandon(transfer);
      if (incoming === undefined) reject(reason);
      else incoming.stop(reason);
    },
  };
  return transfer;
}

function replyOf(head: ResponseHead, body: IncomingBody, abandon: () => void): UpstreamReply {
  let headers: Headers | undefined;
  return {
    status: head.status,
    get headers() {
      headers ??= headersOf(head);
      return headers;
    },
    read: () => body.read(),
    cancel() {
      body.drop();
      abandon();
    },
  };
}

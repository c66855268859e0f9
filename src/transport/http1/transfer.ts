import type { StopSignal } from "../../lib/stop-signal.ts";
import type { Destination } from "../destination.ts";
import type { UpstreamReply } from "../reply.ts";
import { decoded } from "./decoded.ts";
import { IncomingBody, type Pace } from "./incoming-body.ts";
import type { ResponseHead } from "./response-head.ts";

/** What a transfer is on: a connection that is made, or one that stands. For a transfer it no longer carries, nothing happens. */
export interface Carrier {
  pause(transfer: Transfer): void;
  resume(transfer: Transfer): void;
  /** Leaves the transfer and closes at once. */
  abandon(transfer: Transfer): void;
}

export interface Http1Request {
  destination: Destination;
  method: string;
  /** Without `host`, `content-length`, `connection` and `transfer-encoding`, which the client says itself. */
  headers: Readonly<Record<string, string>>;
  /** A text has one character a byte. */
  body?: Uint8Array<ArrayBuffer> | string;
  /** Stops the request and its answer's body: the socket is closed, what is pending rejects with the reason. */
  stop: StopSignal;
  /** Until TCP, and TLS where wanted, stand. */
  connectMs: number;
  /** PEM text of further certificate authorities, besides the usual ones. */
  ca?: string | undefined;
}

export interface TransferOwner {
  /** Sends it once more on a new connection. */
  sendAgain(transfer: Transfer): void;
  /** What the network's error, or the reason of a stop, is told as. */
  failureOf(error: Error, request: Http1Request): Error;
}

interface TransferOptions {
  request: Http1Request;
  /** Latin1 text of the request's head. */
  head: string;
  resolve: (reply: UpstreamReply) => void;
  reject: (error: Error) => void;
  owner: TransferOwner;
}

/** One request and its answer, whatever carries them. */
export class Transfer implements Pace {
  readonly request: Http1Request;
  readonly head: string;
  private readonly options: TransferOptions;
  private incoming: IncomingBody | undefined;
  private carrier: Carrier | undefined;
  private isStopped = false;

  constructor(options: TransferOptions) {
    this.request = options.request;
    this.head = options.head;
    this.options = options;
  }

  carriedBy(carrier: Carrier): void {
    this.carrier = carrier;
  }

  answered(head: ResponseHead): void {
    const reply = new IncomingBody(head, this);
    this.incoming = reply;
    this.options.resolve(head.contentEncoding === undefined ? reply : decoded(reply, head.contentEncoding));
  }

  piece(bytes: Uint8Array, start: number, end: number): void {
    this.incoming?.push(bytes, start, end);
  }

  end(): void {
    this.incoming?.end();
  }

  /** `wasDead`: the connection had been used before and not a byte came back. */
  broke(error: Error, wasDead: boolean): void {
    if (this.incoming !== undefined) this.incoming.fail(error);
    else if (wasDead && !this.isStopped) this.options.owner.sendAgain(this);
    else this.reject(error);
  }

  /** From outside: what is pending rejects with `reason` now. */
  stop(reason: Error): void {
    this.isStopped = true;
    this.abandon();
    if (this.incoming === undefined) this.reject(reason);
    else this.incoming.stop(reason);
  }

  pause(): void {
    this.carrier?.pause(this);
  }

  resume(): void {
    this.carrier?.resume(this);
  }

  abandon(): void {
    this.carrier?.abandon(this);
  }

  private reject(error: Error): void {
    const { reject, owner } = this.options;
    reject(owner.failureOf(error, this.request));
  }
}

import { alarms } from "../../lib/alarms.ts";
import { brokenConnection, type LineEvents } from "./dial.ts";
import { framingOf, type Framing } from "./framing.ts";
import { HeadReader } from "./head-reader.ts";
import { malformedAnswer, MalformedResponse } from "./malformed.ts";
import { createOutgoing, type Outgoing } from "./outgoing.ts";
import type { Carrier, Transfer } from "./transfer.ts";

/** The other side's part in ending a TLS connection is waited for no longer. */
const farewellMs = 1000;

export interface ConnectionOwner {
  /** It is free for the next transfer. */
  released(connection: Connection): void;
  /** It is closed, or closes now. Once. */
  gone(connection: Connection): void;
}

interface ConnectionOptions {
  socket: Bun.Socket<unknown>;
  owner: ConnectionOwner;
  /** Shown in errors. */
  host: string;
}

/** One socket, and one transfer after the other on it. */
export class Connection implements Carrier, LineEvents {
  private readonly socket: Bun.Socket<unknown>;
  private readonly owner: ConnectionOwner;
  private readonly host: string;
  private readonly outgoing: Outgoing;
  private readonly headReader = new HeadReader();
  private transfer: Transfer | undefined;
  private framing: Framing | undefined;
  private isFirst = true;
  private staysOpen = true;
  private heardAnything = false;
  private isGone = false;

  constructor({ socket, owner, host }: ConnectionOptions) {
    this.socket = socket;
    this.owner = owner;
    this.host = host;
    this.outgoing = createOutgoing(socket);
  }

  /** Only while it is free. */
  start(transfer: Transfer): void {
    this.transfer = transfer;
    this.heardAnything = false;
    transfer.carriedBy(this);
    if (!this.isFirst) this.socket.ref();
    this.outgoing.send(transfer.head, transfer.request.body);
  }

  pause(asking: Transfer): void {
    if (this.transfer === asking) this.socket.pause();
  }

  resume(asking: Transfer): void {
    if (this.transfer === asking) this.socket.resume();
  }

  abandon(left: Transfer): void {
    if (this.transfer === left && this.leave()) this.socket.terminate();
  }

  close(): void {
    if (!this.leave()) return;
    this.socket.end();
    if (this.socket.readyState > 0) alarms.set(farewellMs, () => this.socket.terminate());
  }

  data(bytes: Buffer): void {
    if (this.isGone) return;
    try {
      this.receive(bytes);
    } catch (error) {
      this.breakOff(error instanceof Error ? error : new Error(String(error)));
    }
  }

  drain(): void {
    this.outgoing.drain();
  }

  closed(error: Error | undefined): void {
    const { transfer, framing } = this;
    if (transfer !== undefined && error === undefined && framing?.endsAtClose === true) this.finish(transfer, framing);
    else this.breakOff(error ?? brokenConnection(`The upstream ${this.host} closed the connection within its answer.`));
  }

  private leave(): boolean {
    if (this.isGone) return false;
    this.isGone = true;
    this.transfer = undefined;
    this.owner.gone(this);
    return true;
  }

  private breakOff(error: Error): void {
    const broken = this.transfer;
    const wasDead = !this.isFirst && !this.heardAnything;
    if (this.leave()) this.socket.terminate();
    broken?.broke(error instanceof MalformedResponse ? malformedAnswer(error, this.host) : error, wasDead);
  }

  private receive(bytes: Buffer): void {
    const { transfer } = this;
    if (transfer === undefined) {
      // An idle connection that speaks cannot be trusted with the next request.
      this.close();
      return;
    }
    this.heardAnything = true;
    const rest = this.framing === undefined ? this.receiveHead(bytes, transfer) : bytes;
    const { framing } = this;
    if (rest === undefined || framing === undefined) return;
    const { start, end } = framing.take(rest);
    if (end > start) transfer.piece(rest, start, end);
    // Whoever got the piece may have left, and closed this connection, because of it.
    if (framing.isEnded() && this.transfer === transfer) this.finish(transfer, framing);
  }

  /** The bytes behind the head, once it is complete. */
  private receiveHead(bytes: Buffer, transfer: Transfer): Buffer | undefined {
    const head = this.headReader.take(bytes);
    if (head === undefined) return undefined;
    this.framing = framingOf(head);
    this.staysOpen = head.staysOpen;
    transfer.answered(head);
    return this.headReader.takeRest();
  }

  private finish(done: Transfer, framing: Framing): void {
    this.transfer = undefined;
    this.framing = undefined;
    done.end();
    if (!this.staysOpen || framing.endsAtClose || framing.hasExcess() || !this.outgoing.isEmpty()) {
      this.close();
      return;
    }
    this.isFirst = false;
    // A full hand was what paused it; without reading, its end would go unnoticed.
    this.socket.resume();
    this.socket.unref();
    this.owner.released(this);
  }
}

import { alarms } from "../../lib/alarms.ts";
import { brokenConnection, type LineEvents } from "./dial.ts";
import type { Carrier, Transfer } from "./transfer.ts";
import { framingOf, type Framing } from "./framing.ts";
import { createHeadReader, type HeadReader } from "./head-reader.ts";
import { malformedAnswer, MalformedResponse } from "./malformed.ts";
import { createOutgoing } from "./outgoing.ts";

/** The other side's part in ending a TLS connection is waited for no longer. */
const farewellMs = 1000;

export interface ConnectionOwner {
  /** It is free for the next transfer. */
  released(connection: Connection): void;
  /** It is closed, or closes now. Once. */
  gone(connection: Connection): void;
}

export interface Connection extends Carrier {
  /** Only while it is free. */
  start(transfer: Transfer): void;
  close(): void;
  readonly events: LineEvents;
}

interface ConnectionOptions {
  socket: Bun.Socket<unknown>;
  owner: ConnectionOwner;
  /** Shown in errors. */
  host: string;
}

/** One socket, and one transfer after the other on it. */
export function createConnection({ socket, owner, host }: ConnectionOptions): Connection {
  const outgoing = createOutgoing(socket);
  let transfer: Transfer | undefined;
  let isFirst = true;
  let headReader: HeadReader | undefined;
  let framing: Framing | undefined;
  let staysOpen = true;
  let heardAnything = false;
  let isGone = false;

  function leave(): boolean {
    if (isGone) return false;
    isGone = true;
    transfer = undefined;
    owner.gone(connection);
    return true;
  }

  function close(): void {
    if (!leave()) return;
    socket.end();
    if (socket.readyState > 0) alarms.set(farewellMs, () => socket.terminate());
  }

  function breakOff(error: Error): void {
    const broken = transfer;
    const wasDead = !isFirst && !heardAnything;
    if (leave()) socket.terminate();
    broken?.broke(error instanceof MalformedResponse ? malformedAnswer(error, host) : error, wasDead);
  }

  /** The bytes behind the head, once it is complete. */
  function receiveHead(bytes: Buffer, current: Transfer): Buffer | undefined {
    headReader ??= createHeadReader();
    const taken = headReader.take(bytes);
    if (taken === undefined) return undefined;
    headReader = undefined;
    framing = framingOf(taken.head);
    ({ staysOpen } = taken.head);
    current.answered(taken.head);
    return taken.rest;
  }

  function receive(bytes: Buffer): void {
    const current = transfer;
    if (current === undefined) {
      // An idle connection that speaks cannot be trusted with the next request.
      close();
      return;
    }
    heardAnything = true;
    const rest = framing === undefined ? receiveHead(bytes, current) : bytes;
    if (rest === undefined || framing === undefined) return;
    const share = framing.take(rest);
    if (share.length > 0) current.piece(share);
    if (framing.isEnded()) finish(current, framing);
  }

  function finish(done: Transfer, of: Framing): void {
    transfer = undefined;
    framing = undefined;
    done.end();
    if (!staysOpen || of.endsAtClose || of.hasExcess() || !outgoing.isEmpty()) {
      close();
      return;
    }
    isFirst = false;
    // A full hand was what paused it; without reading, its end would go unnoticed.
    socket.resume();
    socket.unref();
    owner.released(connection);
  }

  const connection: Connection = {
    start(next) {
      transfer = next;
      heardAnything = false;
      next.carriedBy(connection);
      if (!isFirst) socket.ref();
      outgoing.send(next.head, next.body);
    },
    pause(asking) {
      if (transfer === asking) socket.pause();
    },
    resume(asking) {
      if (transfer === asking) socket.resume();
    },
    abandon(left) {
      if (transfer === left && leave()) socket.terminate();
    },
    close,
    events: {
      data(bytes) {
        if (isGone) return;
        try {
          receive(bytes);
        } catch (error) {
          breakOff(error instanceof Error ? error : new Error(String(error)));
        }
      },
      drain: () => outgoing.drain(),
      closed(error) {
        if (transfer !== undefined && error === undefined && framing?.endsAtClose === true) finish(transfer, framing);
        else breakOff(error ?? brokenConnection(`The upstream ${host} closed the connection within its answer.`));
      },
    },
  };
  return connection;
}

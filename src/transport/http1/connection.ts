import { alarms } from "../../lib/alarms.ts";
import { brokenConnection, type LineEvents } from "./dial.ts";
import type { Carrier, Exchange } from "./exchange.ts";
import { framingOf, type Framing } from "./framing.ts";
import { createHeadReader, type HeadReader } from "./head-reader.ts";
import { malformedAnswer, MalformedResponse } from "./malformed.ts";
import { createOutgoing } from "./outgoing.ts";

/** The other side's part in ending a TLS connection is waited for no longer. */
const farewellMs = 1000;

export interface ConnectionOwner {
  /** It is free for the next exchange. */
  released(connection: Connection): void;
  /** It is closed, or closes now. Once. */
  gone(connection: Connection): void;
}

export interface Connection extends Carrier {
  /** Only while it is free. */
  start(exchange: Exchange): void;
  close(): void;
  readonly events: LineEvents;
}

interface ConnectionOptions {
  socket: Bun.Socket<unknown>;
  owner: ConnectionOwner;
  /** Shown in errors. */
  host: string;
}

/** One socket, and one exchange after the other on it. */
export function createConnection({ socket, owner, host }: ConnectionOptions): Connection {
  const outgoing = createOutgoing(socket);
  let exchange: Exchange | undefined;
  let isFirst = true;
  let headReader: HeadReader | undefined;
  let framing: Framing | undefined;
  let staysOpen = true;
  let heardAnything = false;
  let isGone = false;

  function leave(): boolean {
    if (isGone) return false;
    isGone = true;
    exchange = undefined;
    owner.gone(connection);
    return true;
  }

  function close(): void {
    if (!leave()) return;
    socket.end();
    if (socket.readyState > 0) alarms.set(farewellMs, () => socket.terminate());
  }

  function breakOff(error: Error): void {
    const broken = exchange;
    const wasDead = !isFirst && !heardAnything;
    if (leave()) socket.terminate();
    broken?.broke(error instanceof MalformedResponse ? malformedAnswer(error, host) : error, wasDead);
  }

  /** The bytes behind the head, once it is complete. */
  function receiveHead(bytes: Buffer, current: Exchange): Buffer | undefined {
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
    const current = exchange;
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

  function finish(done: Exchange, of: Framing): void {
    exchange = undefined;
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
      exchange = next;
      heardAnything = false;
      next.carriedBy(connection);
      if (!isFirst) socket.ref();
      outgoing.send(next.head, next.body);
    },
    pause(asking) {
      if (exchange === asking) socket.pause();
    },
    resume(asking) {
      if (exchange === asking) socket.resume();
    },
    abandon(left) {
      if (exchange === left && leave()) socket.terminate();
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
        if (exchange !== undefined && error === undefined && framing?.endsAtClose === true) finish(exchange, framing);
        else breakOff(error ?? brokenConnection(`The upstream ${host} closed the connection within its answer.`));
      },
    },
  };
  return connection;
}

import type { StopSignal } from "../../lib/stop-signal.ts";
import type { Destination } from "../destination.ts";
import type { UpstreamReply } from "../reply.ts";
import { createConnection, type ConnectionOwner } from "./connection.ts";
import { dial, type Address } from "./dial.ts";
import { createTransfer, type Transfer } from "./transfer.ts";
import { createPool, type Pool } from "./pool.ts";
import { writeRequestHead } from "./request-head.ts";

export interface Http1Request {
  destination: Destination;
  method: "GET" | "POST";
  /** Without `host`, `content-length`, `connection` and `transfer-encoding`, which the client says itself. */
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array<ArrayBuffer>;
  /** Stops the request and its answer's body: the socket is closed, what is pending rejects with the reason. */
  stop: StopSignal;
  /** Until TCP, and TLS where wanted, stand. */
  connectMs: number;
  /** PEM text of further certificate authorities, besides the usual ones. */
  ca?: string | undefined;
}

export interface Http1Client {
  /**
   * Rejects with GatewayError for a bad header, a late connection or an answer that is not HTTP/1.1; with the stop's
   * reason; else with the network's error, which has a `code`.
   */
  send(request: Http1Request): Promise<UpstreamReply>;
  /** Closes what is idle now, and the rest when it is done. */
  close(): void;
  /** `open` counts the idle ones as well. */
  stats(): { open: number; idle: number };
}

interface Http1ClientOptions {
  /** How long a connection waits for its next request. */
  idleMs?: number;
  /** Idle connections to one origin; there is no limit to the busy ones. */
  mostIdle?: number;
}

/** All that requests to one destination have in common, worked out once. */
interface Route {
  ca: string | undefined;
  address: Address;
  target: string;
  pool: Pool;
  owner: ConnectionOwner;
}

/** HTTP/1.1 over plain sockets: no queue, no thread, no redirects, no cookies, no proxies. */
export function createHttp1Client({ idleMs = 60_000, mostIdle = 256 }: Http1ClientOptions = {}): Http1Client {
  const pools = new Map<string, Pool>();
  const routes = new WeakMap<Destination, Route>();
  let open = 0;
  let isClosed = false;

  function poolFor(key: string): Pool {
    const known = pools.get(key);
    if (known !== undefined) return known;
    const pool = createPool(mostIdle, idleMs);
    pools.set(key, pool);
    return pool;
  }

  function ownerFor(pool: Pool): ConnectionOwner {
    return {
      released(connection) {
        if (isClosed || !pool.put(connection)) connection.close();
      },
      gone(connection) {
        open -= 1;
        pool.remove(connection);
      },
    };
  }

  function createRoute(destination: Destination, ca: string | undefined): Route {
    const { pathname, search, protocol } = new URL(destination.href);
    const { hostname, port, host, origin } = destination;
    const pool = poolFor(`${origin} ${ca ?? ""}`);
    const route = {
      ca,
      address: { hostname, port, isTls: protocol === "https:", ca },
      target: `${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n`,
      pool,
      owner: ownerFor(pool),
    };
    routes.set(destination, route);
    return route;
  }

  function routeOf(destination: Destination, ca: string | undefined): Route {
    const known = routes.get(destination);
    return known !== undefined && known.ca === ca ? known : createRoute(destination, ca);
  }

  function connect(transfer: Transfer, { address, owner }: Route, { destination, connectMs }: Http1Request): void {
    const giveUp = dial({
      address,
      connectMs,
      host: destination.host,
      onFail: (error) => transfer.broke(error, false),
      onOpen(socket) {
        const connection = createConnection({ socket, owner, host: destination.host });
        open += 1;
        connection.start(transfer);
        return connection.events;
      },
    });
    transfer.carriedBy({ abandon: giveUp, pause: () => undefined, resume: () => undefined });
  }

  function begin(request: Http1Request, resolve: (reply: UpstreamReply) => void, reject: (error: Error) => void): void {
    const { destination, method, headers, body, stop, ca } = request;
    const reason = stop.reason();
    if (reason !== undefined) throw reason;
    const route = routeOf(destination, ca);
    const head = writeRequestHead({ method, target: route.target, headers, bodyLength: body?.length ?? 0 });
    const sendAgain = (transfer: Transfer) => connect(transfer, route, request);
    const transfer = createTransfer({ head, body, resolve, reject, sendAgain });
    const idle = route.pool.take();
    if (idle === undefined) connect(transfer, route, request);
    else idle.start(transfer);
    stop.onStop((why) => transfer.stop(why));
  }

  return {
    send: (request) => new Promise((resolve, reject) => begin(request, resolve, reject)),
    close() {
      isClosed = true;
      for (const pool of pools.values()) pool.closeAll();
    },
    stats() {
      let idle = 0;
      for (const pool of pools.values()) idle += pool.size();
      return { open, idle };
    },
  };
}

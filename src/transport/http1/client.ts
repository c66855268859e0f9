import type { Destination } from "../destination.ts";
import type { UpstreamReply } from "../reply.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { dial, type Address } from "./dial.ts";
import { Transfer, type Http1Request, type TransferOwner } from "./transfer.ts";
import { createPool, type Pool } from "./pool.ts";
import { writeRequestHead } from "./request-head.ts";

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
  /** What a rejection says; as the network said it by default. */
  failureOf?: TransferOwner["failureOf"];
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
export function createHttp1Client(options: Http1ClientOptions = {}): Http1Client {
  const { idleMs = 60_000, mostIdle = 256, failureOf = (error) => error } = options;
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

  function connect(transfer: Transfer): void {
    const { destination, connectMs, ca } = transfer.request;
    const { address, owner } = routeOf(destination, ca);
    const { host } = destination;
    const giveUp = dial({
      address,
      connectMs,
      host,
      onFail: (error) => transfer.broke(error, false),
      onOpen(socket) {
        const connection = new Connection({ socket, owner, host });
        open += 1;
        connection.start(transfer);
        return connection;
      },
    });
    transfer.carriedBy({ abandon: giveUp, pause: () => undefined, resume: () => undefined });
  }

  const owner: TransferOwner = { sendAgain: connect, failureOf };

  function begin(request: Http1Request, resolve: (reply: UpstreamReply) => void, reject: (error: Error) => void): void {
    const { destination, method, headers, body, stop, ca } = request;
    const reason = stop.reason();
    if (reason !== undefined) throw failureOf(reason, request);
    const { target, pool } = routeOf(destination, ca);
    const head = writeRequestHead({ method, target, headers, bodyLength: body?.length ?? 0 });
    const transfer = new Transfer({ request, head, resolve, reject, owner });
    const idle = pool.take();
    if (idle === undefined) connect(transfer);
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

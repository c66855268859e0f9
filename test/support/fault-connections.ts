import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { certificate, privateKey } from "./certificate.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import { takeRequest } from "./http-request.ts";

/** A place that fails before any request is read there, or because of what was read on the connection before. */
export interface FaultPlace extends AsyncDisposable {
  /** `http://…` or `https://…` without a path. */
  readonly origin: string;
  /** Connections so far. */
  attempts(): number;
}

async function listen(server: Server, host = "127.0.0.1"): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, host, resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

interface PlaceOptions {
  scheme: "http" | "https";
  host?: string;
  onConnection: (socket: Socket) => void;
}

async function placeOf({ scheme, host = "127.0.0.1", onConnection }: PlaceOptions): Promise<FaultPlace> {
  const sockets = new Set<Socket>();
  let attempts = 0;
  const server = createServer((socket) => {
    attempts += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  const port = await listen(server, host);
  return {
    origin: `${scheme}://${host}:${port}`,
    attempts: () => attempts,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    },
  };
}

/** A place where nothing can be counted. */
function nowhere(origin: string): Promise<FaultPlace> {
  return Promise.resolve({ origin, attempts: () => Number.NaN, [Symbol.asyncDispose]: () => Promise.resolve() });
}

/** Speaks TLS with the test certificate, which nobody trusts by himself. */
async function tls(host?: string): Promise<FaultPlace> {
  const inner = createTlsServer(
    { cert: certificate, key: privateKey },
    (socket) => void socket.on("error", () => undefined),
  );
  inner.on("tlsClientError", () => undefined);
  const port = await listen(inner);
  const place = await placeOf({
    scheme: "https",
    ...(host !== undefined && { host }),
    onConnection(socket) {
      const way = connect(port, "127.0.0.1");
      way.on("error", () => socket.destroy());
      way.on("close", () => socket.destroy());
      socket.on("close", () => way.destroy());
      socket.pipe(way).pipe(socket);
    },
  });
  return {
    ...place,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      const { promise, resolve } = Promise.withResolvers<void>();
      inner.close(() => resolve());
      await promise;
    },
  };
}

export const faultPlaces = {
  /** Nobody listens there, now or later: a free port would soon be another server's. */
  refused: () => nowhere("http://127.0.0.1:1"),
  /** A name longer than any may be: no server of names has to be asked for it, and waited for. */
  nameless: () => nowhere(`http://${"rotten".repeat(11)}.invalid`),
  "self-signed": () => tls(),
  /** The test certificate is good for 127.0.0.1 and not for this. */
  "wrong-name": () => tls("127.0.0.2"),
  "not-tls": () =>
    placeOf({
      scheme: "https",
      onConnection: (socket) => void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    }),
  "tls-silent": () => placeOf({ scheme: "https", onConnection: (socket) => void socket.resume() }),
  "tls-cut": () =>
    placeOf({ scheme: "https", onConnection: (socket) => void socket.once("data", () => socket.resetAndDestroy()) }),
} satisfies Record<string, () => Promise<FaultPlace>>;

export type FaultPlaceId = keyof typeof faultPlaces;

/** Requests on one connection, in order; `place` counts from 0. */
export type OnConnection = (exchange: Exchange, place: number) => void | Promise<void>;

/** A server whose answer depends on what the connection has carried before: kept-alive connections that die. */
export function perConnection(answer: OnConnection): Promise<FaultPlace> {
  return placeOf({
    scheme: "http",
    onConnection(socket) {
      let pending: Buffer = Buffer.alloc(0);
      let current: (Exchange & { peerLeft(): void }) | undefined;
      let place = 0;
      const next = (): void => {
        const taken = current === undefined ? takeRequest(pending) : undefined;
        if (taken === undefined) return;
        pending = taken.rest;
        current = createExchange(socket, taken.request, () => {
          current = undefined;
          next();
        });
        void answer(current, place++);
      };
      socket.on("data", (bytes: Buffer) => {
        pending = Buffer.concat([pending, bytes]);
        next();
      });
      socket.on("close", () => current?.peerLeft());
    },
  });
}

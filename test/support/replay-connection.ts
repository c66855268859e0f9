import { createServer, type AddressInfo, type Socket } from "node:net";
import { createExchange, type Exchange } from "./exchange.ts";
import { takeRequest } from "./http-request.ts";

export interface ReplayListener {
  readonly origin: string;
  connections(): number;
  close(): Promise<void>;
}

type Answer = (exchange: Exchange) => void | Promise<void>;

/** Reads requests off one connection, one at a time, and gives each to `answer`. */
function serveConnection(socket: Socket, answer: Answer): void {
  let pending: Buffer = Buffer.alloc(0);
  let current: (Exchange & { peerLeft(): void }) | undefined;
  async function run(exchange: Exchange): Promise<void> {
    try {
      await answer(exchange);
    } catch (error) {
      console.error("replaying upstream:", error);
      exchange.cut("rst");
    }
  }
  const next = () => {
    if (current !== undefined) return;
    const taken = takeRequest(pending);
    if (taken === undefined) return;
    pending = taken.rest;
    const exchange = createExchange(socket, taken.request, () => {
      current = undefined;
      next();
    });
    current = exchange;
    void run(exchange);
  };
  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
    next();
  });
  const left = () => current?.peerLeft();
  socket.on("end", left);
  socket.on("close", left);
  socket.on("error", left);
}

/** A TCP server on a free port of the loopback whose every byte is in the hand of `answer`. */
export async function listenForReplay(answer: Answer): Promise<ReplayListener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serveConnection(socket, answer);
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      const { promise: closed, resolve: done } = Promise.withResolvers<void>();
      server.close(() => done());
      await closed;
    },
  };
}

import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Stands before a Redis, and can lose connections that listen as a firewall does: they stay open and carry nothing. */
export interface RedisProxy extends AsyncDisposable {
  readonly url: string;
  /** Those that listen carry nothing any more, for ever, and neither does one that begins to. */
  loseListeners(): void;
  /** One that begins to listen from now on is carried. */
  carryListeners(): void;
  /** Connections that asked to listen, so far. */
  listeners(): number;
}

export async function startRedisProxy(url: string): Promise<RedisProxy> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const carried = new Set<Socket>();
  const lost = new WeakSet<Socket>();
  let isLosing = false;
  let listeners = 0;

  function beginsToListen(client: Socket): void {
    listeners += 1;
    carried.add(client);
    if (isLosing) lost.add(client);
  }

  /** Frozen, it does not even tell the other side that one has gone. */
  function pass(from: Socket, to: Socket, client: Socket): void {
    sockets.add(from);
    from.on("data", (bytes: Buffer) => {
      if (from === client && bytes.includes("SUBSCRIBE")) beginsToListen(client);
      if (!lost.has(client)) to.write(bytes);
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      if (!lost.has(client)) to.destroy();
    });
  }

  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    pass(client, redis, client);
    pass(redis, client, client);
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseListeners() {
      isLosing = true;
      for (const client of carried) lost.add(client);
    },
    carryListeners: () => void (isLosing = false),
    listeners: () => listeners,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((settle) => server.close(settle));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

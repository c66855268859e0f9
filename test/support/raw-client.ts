import { connect, type Socket } from "node:net";

export interface RawResponse {
  status: number;
  /** Names in lower case; a repeated name's values are joined with `, `. */
  headers: Readonly<Record<string, string>>;
  /** Everything after the head as it came, chunked coding included. */
  text: string;
}

/** One TCP connection to the gateway with every byte in the caller's hand. */
export interface RawConnection {
  send(bytes: string | Uint8Array): void;
  /** Everything received so far, as latin1 text. */
  received(): string;
  /** Waits until the received text matches. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Takes nothing more off the socket, as a client that hangs. */
  pauseReading(): void;
  resumeReading(): void;
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  /** Leaves at once: FIN, or RST. */
  leave(how?: "fin" | "rst"): void;
}

export function connectRaw(port: number, host = "127.0.0.1"): Promise<RawConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<RawConnection>();
  const { promise: closed, resolve: isClosed } = Promise.withResolvers<void>();
  const listeners = new Set<() => void>();
  let text = "";
  const socket: Socket = connect(port, host);
  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    for (const listener of listeners) listener();
  });
  socket.on("error", (error) => {
    reject(error);
    isClosed();
  });
  socket.on("close", () => isClosed());
  socket.on("end", () => isClosed());

  async function waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise: matched, resolve: found, reject: fail } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(text);
      if (match !== null) found(match);
    };
    const timer = setTimeout(() => fail(new Error(`timed out waiting for ${pattern} in: ${text}`)), 10_000);
    const giveUp = async () => {
      await closed;
      look();
      fail(new Error(`closed while waiting for ${pattern} in: ${text}`));
    };
    void giveUp();
    listeners.add(look);
    look();
    try {
      return await matched;
    } finally {
      listeners.delete(look);
      clearTimeout(timer);
    }
  }

  socket.on("connect", () =>
    resolve({
      send: (bytes) => void socket.write(bytes),
      received: () => text,
      waitFor,
      pauseReading: () => void socket.pause(),
      resumeReading: () => void socket.resume(),
      closed,
      leave(how = "fin") {
        if (how === "rst") socket.resetAndDestroy();
        else socket.destroy();
      },
    }),
  );
  return promise;
}

function parseRawResponse(received: string): RawResponse {
  const end = received.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = received.slice(0, end).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { status: Number(statusLine.split(" ")[1]), headers, text: received.slice(end + 4) };
}

/** Sends bytes, then reads until the server closes; so the request should say `Connection: close`. */
export async function exchangeRaw(port: number, bytes: string | Uint8Array): Promise<RawResponse> {
  const connection = await connectRaw(port);
  connection.send(bytes);
  const timer = setTimeout(() => connection.leave(), 10_000);
  await connection.closed;
  clearTimeout(timer);
  return parseRawResponse(connection.received());
}

/** A POST with the given JSON text, `Connection: close`, and whatever headers the caller adds. */
export function postBytes(path: string, json: string, headers: Readonly<Record<string, string>> = {}): string {
  const length = Buffer.byteLength(json);
  const merged = { host: "127.0.0.1", "content-type": "application/json", connection: "close", ...headers };
  const lines = Object.entries({ ...merged, "content-length": String(length) });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${json}`;
}

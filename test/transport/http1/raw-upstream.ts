import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { createStopSignal, type StopSignal } from "../../../src/lib/stop-signal.ts";
import { destinationOf, type Destination } from "../../../src/transport/destination.ts";
import type { Http1Request } from "../../../src/transport/http1/transfer.ts";
import { readAll, type UpstreamReply } from "../../../src/transport/reply.ts";

export interface RawUpstream extends AsyncDisposable {
  port: number;
  destination: Destination;
  sockets: Socket[];
}

/** A server that knows no HTTP: `onSocket` sends whatever bytes it likes. */
export async function rawUpstream(onSocket: (socket: Socket) => void, tls?: TlsOptions): Promise<RawUpstream> {
  const sockets: Socket[] = [];
  function accept(socket: Socket): void {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  }
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port } = address;
  return {
    port,
    destination: destinationOf(new URL(`${tls === undefined ? "http" : "https"}://localhost:${port}/v1/chat?x=1`)),
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers every complete request (its head and its content-length) with what `answer` says. */
export function answering(answer: (request: string, socket: Socket, count: number) => void): (socket: Socket) => void {
  let count = 0;
  return (socket) => {
    let text = "";
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const request = text;
      text = "";
      count += 1;
      answer(request, socket, count);
    });
  };
}

/** A server that answers every request with these bytes. */
export function saying(bytes: string | Uint8Array, { close = false } = {}): Promise<RawUpstream> {
  return rawUpstream(answering((_request, socket) => (close ? socket.end(bytes) : socket.write(bytes))));
}

export function requestTo(
  destination: Destination,
  more: Partial<Http1Request> = {},
): Http1Request & { stop: StopSignal } {
  return {
    destination,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new Uint8Array(Buffer.from(`{"a":1}`)),
    stop: createStopSignal(),
    connectMs: 2000,
    ...more,
  };
}

export async function textOf(reply: UpstreamReply): Promise<string> {
  return Buffer.from(await readAll(reply, 1e9)).toString("latin1");
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("It did not reject with an error.");
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve())));
}

/** Self-signed, for `other.test` only; known to everybody. */
export const otherCertificate = `-----BEGIN CERTIFICATE-----
MIIBlzCCAT6gAwIBAgIUIqdvLTYO8NN7O4tFH/Je9fMpVhUwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKb3RoZXIudGVzdDAgFw0yNjExMjAxMjIzMDNaGA8yMTI2MTAy
NzEyMjMwM1owFTETMBEGA1UEAwwKb3RoZXIudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABJZHFy6DW5zHPKTaPUElRgU8KNs4pdiovlOqCSbYFCS5HJCBM54f
J6+3LutanXeDJZmJ8PlaTVW94fJszZl5Y02jajBoMB0GA1UdDgQWBBTvSzf+aWxd
2bDkypheqIYYmKgpNjAfBgNVHSMEGDAWgBTvSzf+aWxd2bDkypheqIYYmKgpNjAP
BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCm90aGVyLnRlc3QwCgYIKoZIzj0E
AwIDRwAwRAIgDp2I324lRVonuWyp40Hqk7C4CSh+IHuR4ygmBvttNRkCIBPAs4rD
NOzu1VAuu7Y5dL2A9lKW7g7gdeXJ96xd+2vX
-----END CERTIFICATE-----
`;

export const otherKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQcy+y2fkiEkoqqG6
CQWm2mhOYAq7mUexJcB9MDx40HihRANCAASWRxcug1ucxzyk2j1BJUYFPCjbOKXY
qL5Tqgkm2BQkuRyQgTOeHyevty7rWp13gyWZifD5Wk1VveHybM2ZeWNN
-----END PRIVATE KEY-----
`;

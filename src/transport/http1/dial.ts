import { isIP } from "node:net";
import { getCACertificates } from "node:tls";
import { GatewayError } from "../../errors.ts";
import { alarms } from "../../lib/alarms.ts";

export interface Address {
  hostname: string;
  port: number;
  isTls: boolean;
  /** PEM text of certificate authorities, besides the usual ones. */
  ca: string | undefined;
}

/** What happens to a socket that stands. Nothing is told after `closed`. */
export interface LineEvents {
  /** The bytes are the receiver's own. */
  data(bytes: Buffer): void;
  drain(): void;
  /** Once; also for a socket that was closed from here. Without an error, the other side ended it in order. */
  closed(error: Error | undefined): void;
}

export interface Dial {
  address: Address;
  connectMs: number;
  /** Shown in errors. */
  host: string;
  /** TCP and, where wanted, TLS stand, with a certificate that holds for the host. */
  onOpen: (socket: Bun.Socket<unknown>) => LineEvents;
  onFail: (error: Error) => void;
}

export function brokenConnection(message: string): Error {
  return Object.assign(new Error(message), { code: "ECONNRESET" });
}

/** The length of the name comes before it: the format that TLS itself uses. */
const alpnHttp1 = "\u0008http/1.1";

function tlsOptions({ hostname, ca }: Address): Bun.TLSOptions {
  // A name that is an address must not be sent; Bun then checks the certificate against the address.
  const serverName = isIP(hostname) === 0 ? hostname : "";
  const options: Bun.TLSOptions = { serverName, ALPNProtocols: alpnHttp1 };
  // The option replaces the usual authorities.
  return ca === undefined ? options : { ...options, ca: [...getCACertificates("default"), ca] };
}

type Phase = "dialling" | "open" | "over";

/** Opens a connection; exactly one of `onOpen` and `onFail` is called, later. Returns how to give it up: then none is. */
export function dial({ address, connectMs, host, onOpen, onFail }: Dial): () => void {
  let phase: Phase = "dialling";
  let socket: Bun.Socket<unknown> | undefined;
  let line: LineEvents | undefined;
  const callOff = alarms.set(connectMs, () => {
    const message = `No connection to the upstream ${host} within ${connectMs} ms (timeouts.connect).`;
    fail(new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true }));
  });

  /** Leaves the phase of dialling; false when it was left before. */
  function leaveDialling(next: Phase): boolean {
    if (phase !== "dialling") return false;
    phase = next;
    callOff();
    return true;
  }

  function giveUp(): void {
    if (leaveDialling("over")) socket?.terminate();
  }

  function fail(error: Error): void {
    if (!leaveDialling("over")) return;
    socket?.terminate();
    onFail(error);
  }

  function stands(opened: Bun.Socket<unknown>): void {
    if (leaveDialling("open")) line = onOpen(opened);
  }

  function close(error: Error | undefined): void {
    fail(error ?? brokenConnection(`The upstream ${host} closed the connection before it stood.`));
    if (phase !== "open") return;
    phase = "over";
    line?.closed(error);
  }

  const handlers: Bun.SocketHandler = {
    open(opened) {
      socket = opened;
      // A TCP connection cannot be given up while it is made: it is closed once it stands.
      if (phase === "over") opened.terminate();
      else if (!address.isTls) stands(opened);
    },
    handshake(opened, isAuthorized, error) {
      if (isAuthorized) stands(opened);
      else fail(error ?? brokenConnection(`The TLS handshake with the upstream ${host} failed.`));
    },
    data: (_socket, bytes) => line?.data(bytes),
    drain: () => line?.drain(),
    close: (_socket, error) => close(error),
    error(failed, error) {
      close(error);
      failed.terminate();
    },
    connectError: (_socket, error) => fail(error),
  };

  const { hostname, port, isTls } = address;
  void connect({ hostname, port, socket: handlers, ...(isTls ? { tls: tlsOptions(address) } : {}) }).catch(fail);
  return giveUp;
}

/** An option that Bun refuses, such as a `ca` that is no certificate, is a rejection like any other. */
async function connect(options: Bun.TCPSocketConnectOptions<unknown> & { tls?: Bun.TLSOptions }): Promise<void> {
  await Bun.connect(options);
}

import type { ServerAddress, TlsMode } from "../../config/database-url.ts";

export interface ServerSettings {
  /** Longest wait for an answer, in ms. */
  timeoutMs: number;
  /** Most connections in all. */
  connections: number;
}

/** Seconds; what stands between us and the server may forget a silent connection after some minutes, and tell nobody. */
const idleTimeout = 240;

/** Writing needs few: records go one batch after the other. */
export function poolSizes(connections: number): { reads: number; writes: number } {
  const writes = connections < 4 ? 1 : 2;
  return { writes, reads: Math.max(1, connections - writes) };
}

function tlsOptionOf({ tls, rootCertificate }: ServerAddress): { ca: Bun.BunFile } | TlsMode {
  // With a certificate of one's own the driver checks it and the name, whatever the mode says.
  return rootCertificate === undefined ? (tls ?? "prefer") : { ca: Bun.file(rootCertificate) };
}

/** What every driver is told. Everything is said: what is not, it takes from variables of other programs. */
export function connectionOptions(address: ServerAddress, { max, timeoutMs }: { max: number; timeoutMs: number }) {
  const { hostname, port, username, password, database, socket } = address;
  return {
    hostname,
    port,
    username,
    password,
    database,
    max,
    ...(socket === undefined ? {} : { path: socket }),
    tls: tlsOptionOf(address),
    idleTimeout,
    connectionTimeout: Math.max(1, Math.ceil(timeoutMs / 2000)),
  };
}

import type { Server } from "bun";
import type { AddressRange } from "../lib/cidr.ts";
import { clientAddress } from "./client-address.ts";

/** What a route may know of the connection behind a request, also when the router got a rewritten one. */
export interface Connections {
  /** The client's; of one that came through a trusted proxy, the one the proxy tells. */
  addressOf(request: Request): string | undefined;
  /** As the client sent it: to the routes, HEAD is GET. */
  methodOf(request: Request): string;
  /** The key of a `/k/<key>/…` path. */
  pathKeyOf(request: Request): string | undefined;
  /** Lifts the idle limit of a connection, or sets it again. */
  allowSilence(request: Request, isAllowed: boolean): void;
  /** A request with another URL that keeps the original's body, signal and connection. */
  rewrite(request: Request, url: string, pathKey: string | undefined): Request;
  attach(server: Server<undefined>): void;
}

interface Origin {
  original: Request;
  pathKey: string | undefined;
}

export function createConnections(
  idleSeconds: number,
  trustedProxies: () => readonly AddressRange[] = () => [],
): Connections {
  const origins = new WeakMap<Request, Origin>();
  let server: Server<undefined> | undefined;
  const originalOf = (request: Request): Request => origins.get(request)?.original ?? request;

  function addressOf(request: Request): string | undefined {
    const peer = server?.requestIP(originalOf(request))?.address;
    const trusted = trustedProxies();
    if (peer === undefined || trusted.length === 0) return peer;
    return clientAddress(peer, request.headers.get("x-forwarded-for"), trusted);
  }

  return {
    attach: (attached) => (server = attached),
    addressOf,
    methodOf: (request) => originalOf(request).method,
    pathKeyOf: (request) => origins.get(request)?.pathKey,
    allowSilence: (request, isAllowed) => server?.timeout(originalOf(request), isAllowed ? 0 : idleSeconds),
    rewrite(request, url, pathKey) {
      const { method, headers, body, signal } = request;
      const rewritten = new Request(url, { method: method === "HEAD" ? "GET" : method, headers, body, signal });
      origins.set(rewritten, { original: originalOf(request), pathKey });
      return rewritten;
    },
  };
}

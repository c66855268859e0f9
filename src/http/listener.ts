import type { Server } from "bun";
import { type GatewayError, invalidRequest } from "../errors.ts";
import type { App } from "./app.ts";
import type { Connections } from "./connections.ts";
import type { Cors } from "./cors.ts";
import { draining, webSocketRefused } from "./errors.ts";
import { readInboundUrl } from "./inbound-url.ts";

export interface ListenerOptions {
  hostname: string;
  port: number;
  tls?: { cert: string; key: string } | undefined;
  idleSeconds: number;
  /** Other workers of this gateway listen there too. */
  isShared?: boolean | undefined;
  app: Pick<App, "fetch" | "refuse" | "fail">;
  connections: Connections;
  cors: Cors;
  /** New requests on connections that outlived the stop are turned away. */
  isClosed: () => boolean;
}

const closing = { connection: "close" };

function malformedHost(): GatewayError {
  return invalidRequest("The request's Host header is missing or malformed.");
}

/** The door: brings every request to one form, then the routes. Requests are never judged by their path here. */
export function createListener(options: ListenerOptions): Server<undefined> {
  const { app, connections, cors } = options;

  function answer(request: Request): Response | Promise<Response> {
    if (options.isClosed()) return app.refuse({ request, error: draining(), headers: closing });
    const inbound = readInboundUrl(request.url);
    if (inbound === undefined) return app.refuse({ request, error: malformedHost(), headers: closing });
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket")
      return app.refuse({ request, error: webSocketRefused(), headers: closing });
    if (request.method === "OPTIONS") {
      const preflight = cors.preflight(request);
      if (preflight !== undefined) return preflight;
    }
    const isHead = request.method === "HEAD";
    if (!inbound.isChanged && !isHead) return app.fetch(request);
    const url = inbound.isChanged ? `http://localhost${inbound.target}` : request.url;
    // Of a GET's answer to a HEAD request Bun sends the head alone, with the body's length.
    return app.fetch(connections.rewrite(request, url, inbound.pathKey));
  }

  async function answerMarked(request: Request): Promise<Response> {
    const response = await answer(request);
    cors.mark(request, response);
    return response;
  }

  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    // Two servers on one port would share its requests in silence.
    reusePort: options.isShared === true,
    development: false,
    idleTimeout: options.idleSeconds,
    // Our own limit answers in the client's protocol; Bun's would close with an empty 413.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    fetch: (request) => (cors.isOff ? answer(request) : answerMarked(request)),
    error: (error) => app.fail(error),
  });
  connections.attach(server);
  return server;
}

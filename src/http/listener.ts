import type { Server } from "bun";
import { invalidRequest } from "../errors.ts";
import type { App } from "./app.ts";
import type { Connections } from "./connections.ts";
import type { Cors } from "./cors.ts";
import { draining, plainError } from "./errors.ts";
import { readInboundUrl } from "./inbound-url.ts";

export interface ListenerOptions {
  hostname: string;
  port: number;
  tls?: { cert: string; key: string } | undefined;
  idleSeconds: number;
  app: App;
  connections: Connections;
  cors: Cors;
  /** New requests on connections that outlived the stop are turned away. */
  isClosed: () => boolean;
}

function upgradeRefused(): Response {
  const message = "WebSocket is not served here; use HTTP.";
  return Response.json(
    { error: { message, type: "invalid_request_error", param: null, code: "upgrade_required" } },
    { status: 426, headers: { connection: "close" } },
  );
}

/** The door: brings every request to one form, then the routes. Requests are never judged by their path here. */
export function createListener(options: ListenerOptions): Server<undefined> {
  const { app, connections, cors } = options;

  async function answer(request: Request): Promise<Response> {
    if (options.isClosed()) return plainError(draining(), { connection: "close" });
    const inbound = readInboundUrl(request.url);
    if (inbound === undefined)
      return plainError(invalidRequest("The request's Host header is missing or malformed."), { connection: "close" });
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return upgradeRefused();
    if (request.method === "OPTIONS") {
      const preflight = cors.preflight(request);
      if (preflight !== undefined) return preflight;
    }
    const isHead = request.method === "HEAD";
    if (!inbound.isChanged && !isHead) return app.fetch(request);
    const url = inbound.isChanged ? `http://localhost${inbound.target}` : request.url;
    const response = await app.fetch(connections.rewrite(request, url, inbound.pathKey));
    if (!isHead) return response;
    await response.body?.cancel();
    return new Response(null, response);
  }

  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    // Two servers on one port would share its requests in silence.
    reusePort: false,
    development: false,
    idleTimeout: options.idleSeconds,
    // Our own limit answers in the client's protocol; Bun's would close with an empty 413.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    async fetch(request) {
      const response = await answer(request);
      cors.mark(request, response);
      return response;
    },
    error: () =>
      new Response(
        '{"error":{"message":"internal error","type":"server_error","param":null,"code":"internal_error"}}',
        { status: 500, headers: { "content-type": "application/json" } },
      ),
  });
  connections.attach(server);
  return server;
}

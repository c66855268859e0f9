import { Elysia } from "elysia";
import { keyAccess } from "./key-access.ts";
import { GatewayError } from "../../src/errors.ts";
import { openapiDocument } from "../../src/http/docs/openapi.ts";
import { plainError } from "../../src/http/errors.ts";
import { requestRoutes, type RequestSource } from "../../src/http/requests.ts";

export const adminToken = "admin-token-99";

export interface RequestApp {
  fetch(request: Request): Promise<Response>;
}

/** The routes about requests, with the gateway's own rules of access and form of errors. */
export function requestApp(requests: RequestSource): RequestApp {
  const access = keyAccess({ admin: [adminToken], inbound: ["client-key-1"] });
  const app = new Elysia({ normalize: false, nativeStaticResponse: false })
    .onError(({ error }) => (error instanceof GatewayError ? plainError(error) : new Response("bug", { status: 500 })))
    .use(openapiDocument())
    .use(requestRoutes({ access, requests }));
  return { fetch: (request) => Promise.resolve(app.fetch(request)) };
}

/** The same on a socket of its own. */
export function serveRequests(requests: RequestSource): { url: string; server: Bun.Server<undefined> } {
  const app = requestApp(requests);
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  return { url: `http://127.0.0.1:${server.port}`, server };
}

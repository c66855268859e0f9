import { Elysia } from "elysia";
import { GatewayError } from "../errors.ts";
import { openapiDocument } from "./docs/openapi.ts";
import { docsPage } from "./docs/page.ts";
import { methodNotAllowed, notFound, plainError } from "./errors.ts";
import { openaiRoutes } from "./inbound/openai.ts";
import { logRoutes } from "./logs.ts";
import { operationRoutes } from "./operation.ts";
import type { Services } from "./services.ts";

export interface App {
  fetch(request: Request): Response | Promise<Response>;
  /** Every route, for the tests that try each without a key. */
  routes: readonly { method: string; path: string }[];
}

function internalError(): GatewayError {
  return new GatewayError({
    code: "internal_error",
    status: 500,
    message: "The gateway failed on this request; its log says more.",
  });
}

/** All routes. Guards belong to the routes themselves; nothing is decided from a path. */
export function createApp(services: Services, onBug: (error: unknown) => void): App {
  const app = new Elysia({ normalize: false, nativeStaticResponse: false })
    .onError(({ error, code, request }) => {
      if (error instanceof GatewayError) return plainError(error);
      if (code !== "NOT_FOUND") {
        onBug(error);
        return plainError(internalError());
      }
      const { pathname } = new URL(request.url);
      const allowed = app.routes.filter((route) => route.path === pathname).map((route) => route.method);
      if (allowed.length === 0) return plainError(notFound(request.method, pathname));
      return plainError(methodNotAllowed(request.method, pathname, allowed), { allow: allowed.join(", ") });
    })
    .use(openapiDocument())
    .use(docsPage)
    .use(operationRoutes(services))
    .use(openaiRoutes(services))
    .use(logRoutes(services));
  app.compile();
  return { fetch: (request) => app.fetch(request), routes: app.routes };
}

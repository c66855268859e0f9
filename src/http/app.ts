import { Elysia } from "elysia";
import { GatewayError, invalidRequest } from "../errors.ts";
import { allowedMethods } from "./allowed-methods.ts";
import { openapiDocument } from "./docs/openapi.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { protocols } from "../protocols/registry.ts";
import { docsPage } from "./docs/page.ts";
import { internalError, methodNotAllowed, notFound, plainError } from "./errors.ts";
import { auditRoutes } from "./admin/audit.ts";
import { authRoutes } from "./admin/auth.ts";
import { configRoutes } from "./admin/config.ts";
import { groupRoutes } from "./admin/groups.ts";
import { keyRoutes } from "./admin/keys.ts";
import { modelRoutes } from "./admin/models.ts";
import { oidcRoutes } from "./admin/oidc.ts";
import { ownKeyRoutes } from "./admin/own-key.ts";
import { priceRoutes } from "./admin/prices.ts";
import { providerHealthRoutes } from "./admin/providers-health.ts";
import { providerRoutes } from "./admin/providers.ts";
import { sessionRoutes } from "./admin/sessions.ts";
import { loginPage } from "./admin/login-page.ts";
import { setupPage } from "./admin/setup-page.ts";
import { teamRoutes } from "./admin/teams.ts";
import { trafficRoutes } from "./admin/traffic.ts";
import { userRoutes } from "./admin/users.ts";
import { anthropicRoutes } from "./inbound/anthropic.ts";
import { geminiRoutes } from "./inbound/gemini.ts";
import { ollamaRoutes } from "./inbound/ollama.ts";
import { openaiMoreRoutes } from "./inbound/openai-more.ts";
import { openaiRoutes } from "./inbound/openai.ts";
import { passthroughRoutes } from "./inbound/passthrough.ts";
import { responsesRoutes } from "./inbound/responses.ts";
import { logRoutes } from "./logs.ts";
import { operationRoutes } from "./operation.ts";
import { createRefusals, type Refusals } from "./refusals.ts";
import { requestRoutes } from "./requests.ts";
import type { RouteParts } from "./route-parts.ts";

export interface App {
  fetch(request: Request): Response | Promise<Response>;
  /** The answer to a request that the door turns away before any route sees it; counted and reported like all refusals. */
  refuse: Refusals["answer"];
  /** The answer to a request on which the gateway itself failed. */
  fail(error: unknown): Response;
  /** Every route, for the tests that try each without a key. */
  routes: readonly { method: string; path: string }[];
}

/**
 * Whose clients ask for a path: they cannot read another protocol's errors. Ollama's own paths are named, those that are
 * not served too: the rest of `/api/` is the admin API's.
 */
const protocolsAt = [
  [/^\/v1\/messages/, protocols["anthropic-messages"]],
  [/^\/v1beta\//, protocols["gemini-generate"]],
  [
    /^\/api\/(?:blobs|chat|copy|create|delete|embed|embeddings|generate|ps|pull|push|show|tags|version)(?:\/|$)/,
    protocols["ollama-chat"],
  ],
] as const;

function protocolAt(pathname: string): Protocol | undefined {
  return protocolsAt.find(([path]) => path.test(pathname))?.[1];
}

/** Where an id's percent-encoding is broken, Elysia hands on `null`, although the types say text. */
function checkId(named: Readonly<Record<string, unknown>> | undefined): void {
  if (named?.["id"] !== null) return;
  throw invalidRequest(
    "The id in the path is not valid percent-encoding of UTF-8 (RFC 3986): '%' itself is %25.",
    "id",
  );
}

/** All routes. Guards belong to the routes themselves; nothing is decided from a path. */
export function createApp(parts: RouteParts, onBug: (error: unknown) => void): App {
  const refusals = createRefusals(parts);

  function fail(error: unknown): Response {
    onBug(error);
    return plainError(internalError());
  }

  function refuseUnknown(request: Request): Response {
    const { pathname } = new URL(request.url);
    const { method } = request;
    const allowed = allowedMethods(app.routes, pathname);
    const protocol = protocolAt(pathname);
    if (allowed.length === 0 || allowed.includes(method))
      return refusals.answer({ request, error: notFound(method, pathname), protocol });
    const error = methodNotAllowed(method, pathname, allowed);
    return refusals.answer({ request, error, headers: { allow: allowed.join(", ") }, protocol });
  }

  const app = new Elysia({ normalize: false, nativeStaticResponse: false })
    .onTransform(({ params }) => checkId(params))
    .onError(({ error, code, request }) => {
      if (error instanceof GatewayError) return refusals.answer({ request, error });
      return code === "NOT_FOUND" ? refuseUnknown(request) : fail(error);
    })
    .use(openapiDocument())
    .use(docsPage)
    .use(operationRoutes(parts))
    .use(openaiRoutes(parts, refusals))
    .use(openaiMoreRoutes(parts, refusals))
    .use(responsesRoutes(parts, refusals))
    .use(anthropicRoutes(parts, refusals))
    .use(geminiRoutes(parts, refusals))
    .use(ollamaRoutes(parts, refusals))
    .use(passthroughRoutes(parts, refusals))
    .use(logRoutes(parts))
    .use(requestRoutes(parts))
    .use(providerHealthRoutes(parts))
    .use(priceRoutes(parts))
    .use(keyRoutes(parts))
    .use(teamRoutes(parts))
    .use(providerRoutes(parts))
    .use(modelRoutes(parts))
    .use(configRoutes(parts))
    .use(groupRoutes(parts))
    .use(trafficRoutes(parts))
    .use(ownKeyRoutes(parts))
    .use(authRoutes(parts))
    .use(oidcRoutes(parts))
    .use(sessionRoutes(parts))
    .use(userRoutes(parts))
    .use(auditRoutes(parts))
    .use(setupPage)
    .use(loginPage);
  app.compile();
  return {
    fetch: (request) => app.fetch(request),
    refuse: (refused) => refusals.answer(refused),
    fail,
    routes: app.routes,
  };
}

import { Elysia } from "elysia";
import { GatewayError } from "../../errors.ts";
import { protocols } from "../../protocols/registry.ts";
import type { Refusals } from "../refusals.ts";
import { anonymousWhereAllowed } from "../docs/openapi.ts";
import type { RouteParts } from "../route-parts.ts";
import { readClientCall } from "./client-call.ts";
import { protocolRoute } from "./protocol-route.ts";

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

const prefix = /^\/p\/([^/]+)(\/.*)?$/;

const detail = {
  tags: ["inference"],
  security: anonymousWhereAllowed,
  summary: "Any other endpoint of a provider",
  description:
    "`/p/{provider}/…` goes to that provider's base URL as it is: method, path, query and body; the gateway's credential takes the place of the caller's. An issued key needs `opaque` among its `endpoints`, but for what asks one model as elsewhere.",
} as never;

function switchedOff(): GatewayError {
  return new GatewayError({
    code: "not_found",
    status: 404,
    message: "/p/ is switched off here (server.passthrough).",
  });
}

/** The rest of a provider's API: files, batches, fine-tuning … */
export function passthroughRoutes(parts: RouteParts, refusals: Refusals) {
  const forward = protocolRoute({
    protocol: protocols["openai-chat"],
    refusals,
    async answer(request) {
      if (!parts.server.passthrough) throw switchedOff();
      const call = await readClientCall(request, parts);
      const url = new URL(request.url);
      const [, provider = "", path = "/"] = prefix.exec(url.pathname) ?? [];
      return parts.gateway.forwardOpaque({
        ...call,
        protocol: protocols["openai-chat"],
        provider: decoded(provider),
        path,
        query: url.searchParams,
        method: request.method,
      });
    },
  });
  const hidden = { parse: "none", detail: { hide: true } } as const;
  return new Elysia({ name: "passthrough" })
    .get("/p/:provider/:path", forward, { detail })
    .post("/p/:provider/:path", forward, { parse: "none", detail })
    .get("/p/:provider/*", forward, hidden)
    .post("/p/:provider/*", forward, hidden)
    .put("/p/:provider/*", forward, hidden)
    .patch("/p/:provider/*", forward, hidden)
    .delete("/p/:provider/*", forward, hidden);
}

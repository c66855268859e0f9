import { Elysia } from "elysia";
import { GatewayError } from "../../errors.ts";
import type { ProviderHealthView } from "../../routing/health/health.ts";
import { allProvidersHealthSchema, providerHealthSchema } from "../../routing/health/view-schema.ts";
import { viewJson } from "../../telemetry/request-view.ts";
import type { Access } from "../access.ts";
import { jsonContent } from "../docs/openapi.ts";

interface ProviderHealthParts {
  access: Pick<Access, "admin">;
  providerHealth(): readonly ProviderHealthView[];
}

const refused = { 401: { description: "No admin token, or a wrong one" } };

const listDetail = {
  tags: ["operation"],
  summary: "Health of all providers",
  description:
    "Circuits, errors and latencies of their models, state of their credentials, and why. `null` = not known. Needs the admin token.",
  responses: {
    200: { description: "The providers", ...jsonContent(allProvidersHealthSchema) },
    ...refused,
  },
} as never;

const oneDetail = {
  tags: ["operation"],
  summary: "Health of one provider",
  description: "As /api/providers/health tells of it. Needs the admin token.",
  parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
  responses: {
    200: { description: "The provider", ...jsonContent(providerHealthSchema) },
    404: { description: "No provider of this name is in use" },
    ...refused,
  },
} as never;

function json(view: unknown): Response {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return new Response(viewJson(view), { headers });
}

function unknownProvider(name: string): GatewayError {
  const message = `No provider '${name.slice(0, 100)}' is in use here; GET /api/providers/health lists those that are.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}

/** GET /api/providers/health and /api/providers/{id}/health: what is known of upstreams, and why. */
export function providerHealthRoutes(parts: ProviderHealthParts) {
  const { access } = parts;
  return new Elysia({ name: "providers-health" })
    .get(
      "/api/providers/health",
      ({ request }) => {
        access.admin(request, "viewer");
        return json({ providers: parts.providerHealth() });
      },
      { detail: listDetail },
    )
    .get(
      "/api/providers/:id/health",
      ({ request, params: { id } }) => {
        access.admin(request, "viewer");
        const view = parts.providerHealth().find(({ provider }) => provider === id);
        if (view === undefined) throw unknownProvider(id);
        return json(view);
      },
      { detail: oneDetail },
    );
}

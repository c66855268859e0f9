import {
  issuedKeySchema,
  keyBatchSchema,
  keyCreateSchema,
  keyPageQuery,
  keyPageSchema,
  keyPatchSchema,
  keyRotateSchema,
  keyViewSchema,
} from "../../admin/contract/keys.ts";
import type { Keys } from "../../admin/keys.ts";
import { jsonContent, requestContent } from "../docs/openapi.ts";
import { json, noDatabase, readJson } from "./json.ts";
import { adminOf, type AdminParts, describe, idParameter, refusals, resourceRoutes } from "./resource-routes.ts";

const schemas = {
  create: keyCreateSchema,
  patch: keyPatchSchema,
  batch: keyBatchSchema,
  query: keyPageQuery,
  page: keyPageSchema,
  view: keyViewSchema,
  made: issuedKeySchema,
};

const rotateDetail = describe({
  summary: "Give a key another token",
  description: "The new token is told this once. The old one is taken for `graceSeconds` more.",
  parameters: [idParameter],
  requestBody: { required: false, ...requestContent(keyRotateSchema) },
  responses: {
    200: { description: "The key with its new token", ...jsonContent(issuedKeySchema) },
    404: { description: "No such key" },
    ...refusals,
  },
});

/** /api/keys: virtual keys, for the admin. */
export function keyRoutes(parts: AdminParts) {
  const keys = (): Keys => {
    if (parts.admin === undefined) throw noDatabase("Virtual keys");
    return parts.admin.keys;
  };
  const options = { path: "/api/keys", words: ["key", "keys"] as const, schemas, resource: keys };
  return resourceRoutes(options, parts).post(
    "/api/keys/:id/rotate",
    async ({ request, params }) => {
      const by = adminOf(request, parts, "operator");
      const served = keys();
      return json(await served.rotate(params.id, await readJson(request, keyRotateSchema, parts), by));
    },
    rotateDetail,
  );
}

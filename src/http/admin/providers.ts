import { pageQuery } from "../../admin/contract/fields.ts";
import {
  providerBatchSchema,
  providerCreateForm,
  providerCreateSchema,
  providerPageSchema,
  providerPatchForm,
  providerPatchSchema,
  providerTestSchema,
  providerViewSchema,
} from "../../admin/contract/providers.ts";
import { jsonContent } from "../docs/openapi.ts";
import { type ConfigurationParts, configurationOf } from "./configuration-of.ts";
import { json } from "./json.ts";
import { adminOf, describeAs, idParameter, refusals, resourceRoutes } from "./resource-routes.ts";

const schemas = {
  create: providerCreateSchema,
  patch: providerPatchSchema,
  batch: providerBatchSchema,
  query: pageQuery,
  page: providerPageSchema,
  view: providerViewSchema,
  made: providerViewSchema,
  forms: { create: providerCreateForm, patch: providerPatchForm },
};

const testDetail = describeAs("configuration", {
  summary: "Try a provider",
  description: "Asks it for its list of models, with what is configured for it: nothing of the request goes anywhere.",
  parameters: [idParameter],
  responses: {
    200: { description: "Whether it answered", ...jsonContent(providerTestSchema) },
    404: { description: "No such provider" },
    ...refusals,
  },
});

/** /api/providers: who serves models, for the admin. */
export function providerRoutes(parts: ConfigurationParts) {
  const providers = () => configurationOf(parts).providers;
  const options = {
    path: "/api/providers",
    words: ["provider", "providers"] as const,
    schemas,
    resource: providers,
    roles: { look: "viewer", change: "admin" } as const,
    tag: "configuration",
  };
  return resourceRoutes(options, parts).post(
    "/api/providers/:id/test",
    async ({ request, params }) => {
      adminOf(request, parts, "admin");
      return json(await configurationOf(parts).testProvider(params.id));
    },
    testDetail,
  );
}

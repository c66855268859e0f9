import { pageQuery } from "../../admin/contract/fields.ts";
import {
  modelBatchSchema,
  modelCreateForm,
  modelCreateSchema,
  modelPageSchema,
  modelPatchForm,
  modelPatchSchema,
  modelViewSchema,
} from "../../admin/contract/models.ts";
import { type ConfigurationParts, configurationOf } from "./configuration-of.ts";
import { resourceRoutes } from "./resource-routes.ts";

const schemas = {
  create: modelCreateSchema,
  patch: modelPatchSchema,
  batch: modelBatchSchema,
  query: pageQuery,
  page: modelPageSchema,
  view: modelViewSchema,
  made: modelViewSchema,
  forms: { create: modelCreateForm, patch: modelPatchForm },
};

/** /api/models: names that clients may ask for, and who serves them. */
export function modelRoutes(parts: ConfigurationParts) {
  const models = () => configurationOf(parts).models;
  const options = { path: "/api/models", words: ["model", "models"] as const, schemas, resource: models };
  return resourceRoutes({ ...options, tag: "configuration" }, parts);
}

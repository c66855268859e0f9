import { pageQuery } from "../../admin/contract/fields.ts";
import {
  teamBatchSchema,
  teamCreateSchema,
  teamPageSchema,
  teamPatchSchema,
  teamViewSchema,
} from "../../admin/contract/teams.ts";
import type { Teams } from "../../admin/teams.ts";
import { noDatabase } from "./json.ts";
import { type AdminParts, resourceRoutes } from "./resource-routes.ts";

const schemas = {
  create: teamCreateSchema,
  patch: teamPatchSchema,
  batch: teamBatchSchema,
  query: pageQuery,
  page: teamPageSchema,
  view: teamViewSchema,
  made: teamViewSchema,
};

/** /api/teams: those that virtual keys belong to, for the admin. */
export function teamRoutes(parts: AdminParts) {
  const teams = (): Teams => {
    if (parts.admin === undefined) throw noDatabase("Teams");
    return parts.admin.teams;
  };
  return resourceRoutes({ path: "/api/teams", words: ["team", "teams"], schemas, resource: teams }, parts);
}

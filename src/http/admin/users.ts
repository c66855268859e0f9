import { pageQuery } from "../../admin/contract/fields.ts";
import {
  userBatchSchema,
  userCreateSchema,
  userPageSchema,
  userPatchSchema,
  userViewSchema,
} from "../../admin/contract/users.ts";
import type { Users } from "../../admin/identity/users.ts";
import type { RouteParts } from "../route-parts.ts";
import { noDatabase } from "./json.ts";
import { type AdminParts, resourceRoutes } from "./resource-routes.ts";

const schemas = {
  create: userCreateSchema,
  patch: userPatchSchema,
  batch: userBatchSchema,
  query: pageQuery,
  page: userPageSchema,
  view: userViewSchema,
  made: userViewSchema,
};

/** /api/users: those who look after the gateway; for admins, so that nobody can give themselves more than they have. */
export function userRoutes(parts: AdminParts & Pick<RouteParts, "identity">) {
  const users = (): Users => {
    if (!parts.identity.isLasting) throw noDatabase("Users");
    return parts.identity.users;
  };
  const roles = { look: "admin", change: "admin" } as const;
  return resourceRoutes(
    { path: "/api/users", words: ["user", "users"], schemas, resource: users, roles, tag: "admin" },
    parts,
  );
}

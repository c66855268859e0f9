import { Elysia } from "elysia";
import { auditPageSchema, auditQuery } from "../../admin/contract/audit.ts";
import { isoTime } from "../../admin/stored-fields.ts";
import type { AuditEntry } from "../../storage/audit-log.ts";
import { jsonContent } from "../docs/openapi.ts";
import { json, noDatabase, readQuery } from "./json.ts";
import { type AdminParts, adminOf, describeAs, parametersOf, refusals } from "./resource-routes.ts";

const detail = describeAs("admin", {
  summary: "What was changed, and by whom",
  description: "Every change and every login, the newest first. Needs the role admin.",
  parameters: parametersOf(auditQuery),
  responses: { 200: { description: "A page of entries", ...jsonContent(auditPageSchema) }, ...refusals },
});

function viewOf({ at, ...entry }: AuditEntry): object {
  return { ...entry, at: isoTime(at) };
}

/** GET /api/audit */
export function auditRoutes(parts: AdminParts) {
  return new Elysia({ name: "audit" }).get(
    "/api/audit",
    async ({ request }) => {
      adminOf(request, parts, "admin");
      if (parts.admin === undefined) throw noDatabase("Audit entries");
      const { entries, cursor = null } = await parts.admin.audit.list(readQuery(request, auditQuery));
      return json({ data: entries.map(viewOf), cursor });
    },
    detail,
  );
}

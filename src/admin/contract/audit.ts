import { z } from "zod";
import { pageOf, pageQuery } from "./fields.ts";

export const auditQuery = pageQuery.extend({
  actor: z.string().min(1).max(200).optional().describe("Only what this one did"),
  subject: z.string().min(1).max(200).optional().describe("Only what was done to this"),
});

export const auditPageSchema = pageOf(
  z.object({
    id: z.string(),
    at: z.string(),
    actor: z
      .string()
      .describe(
        "`user:user_…`, `oidc:…` of an identity provider, `config` = admin.username, `admin` = the admin token, `command-line` = whoever ran a command on the database itself, or the id of a key",
      ),
    action: z.string().describe("key.create, auth.login …"),
    subject: z.string().describe("key/key_…"),
    before: z.unknown().optional().describe("Without secrets, as `after`"),
    after: z.unknown().optional(),
    detail: z.unknown().optional().describe("The user's name, the address it came from"),
  }),
);

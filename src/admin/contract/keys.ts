import { z } from "zod";
import { addressRange } from "../../config/setting-types.ts";
import { contentRule, keptOfKey, keyEndpoints, keyIdPrefix } from "../../keys/virtual-key.ts";
import {
  batchOf,
  bounds,
  boundsView,
  idOf,
  instant,
  name,
  pageOf,
  pageQuery,
  spending,
  tags,
  version,
} from "./fields.ts";

const fields = {
  expiresAt: instant.nullish(),
  ...bounds,
  endpoints: z
    .array(z.enum(keyEndpoints))
    .min(1)
    .nullish()
    .describe(
      "What it may be used for; all but `opaque` where it is left out. Conversations of all protocols are `chat`, and `opaque` is all of a provider's API below /p/, with everything that any key keeps there",
    ),
  addresses: z.array(addressRange).min(1).max(200).nullish().describe("From where it may be used (CIDR)"),
  priority: z.int().min(-100).max(100).nullish().describe("Place in queues; higher goes first, 0 is usual"),
  content: contentRule
    .nullish()
    .describe("How much of its prompts and answers is kept, up to what logging.content allows (the default)"),
  maySteer: z.boolean().nullish().describe("Whether x-orcestator-* headers count (default: keys.overrides)"),
  tags: tags.nullish(),
  teamId: z.string().min(1).max(200).nullish().describe("Its rules and budgets hold as well"),
};

export const keyCreateSchema = z.strictObject({ name, enabled: z.boolean().default(true), ...fields });
export type KeyCreate = z.infer<typeof keyCreateSchema>;

/** A key as an export has it: what may be said of a new one, and what its gateway kept of it. */
export const keptKeySchema = z.strictObject({
  id: idOf(keyIdPrefix),
  value: z.strictObject({ ...keyCreateSchema.shape, ...keptOfKey }),
});

/** What is left out stays, `null` takes it away. */
export const keyPatchSchema = z.strictObject({
  name: name.optional(),
  enabled: z.boolean().optional(),
  ...fields,
  version,
});
export type KeyPatch = z.infer<typeof keyPatchSchema>;

export const longestGraceSeconds = 30 * 86_400;

export const keyRotateSchema = z.strictObject({
  graceSeconds: z.int().min(0).max(longestGraceSeconds).default(0).describe("How long the old token is still taken"),
});
export type KeyRotate = z.infer<typeof keyRotateSchema>;

export const keyViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe("How its token begins and ends; the token itself is kept nowhere"),
  status: z.enum(["active", "disabled", "expired"]),
  enabled: z.boolean(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  ...boundsView,
  endpoints: z.array(z.enum(keyEndpoints)).optional(),
  addresses: z.array(z.string()).optional(),
  priority: z.number().optional(),
  content: z.string().optional(),
  maySteer: z.boolean().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  teamId: z.string().optional(),
  previousUntil: z.string().optional().describe("Until when the token before the last rotation is taken"),
  version: z.number(),
  spending: spending.optional().describe("How far its budgets are used"),
});
export type KeyView = z.infer<typeof keyViewSchema>;

export const issuedKeySchema = keyViewSchema.extend({
  key: z.string().describe("The token, `sk-orc-…`: it is told this once"),
});
export type IssuedKey = z.infer<typeof issuedKeySchema>;

export const keyPageSchema = pageOf(keyViewSchema);
export const keyPageQuery = pageQuery.extend({ team: z.string().optional().describe("Only keys of this team") });
export type KeyPageQuery = z.infer<typeof keyPageQuery>;

export const keyBatchSchema = batchOf(keyCreateSchema, keyPatchSchema.shape);

import { z } from "zod";
import { batchOf, bounds, boundsView, name, pageOf, spending, version } from "./fields.ts";

export const teamCreateSchema = z.strictObject({ name, ...bounds });
export type TeamCreate = z.infer<typeof teamCreateSchema>;

/** What is left out stays, `null` takes it away. */
export const teamPatchSchema = z.strictObject({ name: name.optional(), ...bounds, version });
export type TeamPatch = z.infer<typeof teamPatchSchema>;

export const teamViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  ...boundsView,
  version: z.number(),
  spending: spending.optional().describe("How far its budgets are used"),
});
export type TeamView = z.infer<typeof teamViewSchema>;

export const teamPageSchema = pageOf(teamViewSchema);
export const teamBatchSchema = batchOf(teamCreateSchema, teamPatchSchema.shape);

import { z } from "zod";
import { keptOfTeam, teamIdPrefix } from "../../keys/virtual-key.ts";
import { batchOf, bounds, boundsView, idOf, name, pageOf, spending, version } from "./fields.ts";

export const teamCreateSchema = z.strictObject({ name, ...bounds });
export type TeamCreate = z.infer<typeof teamCreateSchema>;

/** A team as an export has it. */
export const keptTeamSchema = z.strictObject({
  id: idOf(teamIdPrefix),
  value: z.strictObject({ ...teamCreateSchema.shape, ...keptOfTeam }),
});

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

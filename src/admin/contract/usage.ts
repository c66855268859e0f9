import { z } from "zod";
import { spending } from "./fields.ts";
import { keyViewSchema } from "./keys.ts";
import { teamViewSchema } from "./teams.ts";

const count = z.number();

/** What a key was used for. */
export const ownUsageSchema = z.object({
  id: z.string(),
  name: z.string(),
  since: z.string().describe("The start of an hour: only whole ones are counted"),
  requests: count.describe("Requests since then"),
  errors: count,
  promptTokens: count,
  completionTokens: count,
  costUsd: count
    .nullable()
    .describe(
      "Of the requests whose cost is known; null = of none. What budgets were charged by estimate is in `spending` alone",
    ),
  limits: z.object({ rpm: count.optional(), tpm: count.optional(), concurrency: count.optional() }),
  spending: spending.describe("Of its own budgets"),
  teamSpending: spending.optional().describe("Of its team's"),
});
export type OwnUsage = z.infer<typeof ownUsageSchema>;

/** What the holder of a key may know of it. */
export const ownKeySchema = z.object({
  key: keyViewSchema,
  team: teamViewSchema.pick({ id: true, name: true, spending: true, models: true }).optional(),
  usage: ownUsageSchema,
});
export type OwnKey = z.infer<typeof ownKeySchema>;

import { z } from "zod";
import { groupings } from "../../storage/store.ts";
import { requestRowSchema } from "../../telemetry/request-view.ts";
import { pageOf, pageQuery } from "./fields.ts";

const since = z.string().min(1).max(40).optional().describe("A duration (7d) or a time");
const longestName = 300;

export const logQuery = pageQuery.extend({
  since,
  model: z.string().min(1).max(longestName).optional().describe("The name asked for, or the one that served, as it is"),
  status: z.coerce.number().int().min(100).max(599).optional().describe("What the client saw, e.g. 429"),
  key: z.string().min(1).max(longestName).optional().describe("A key's id, or its name where one key alone has it"),
  provider: z.string().min(1).max(longestName).optional(),
});

export const logPageSchema = pageOf(requestRowSchema);

export const statsQuery = z.strictObject({
  by: z.enum(groupings).default("model").describe("What to group by"),
  since,
  key: z
    .string()
    .min(1)
    .max(longestName)
    .optional()
    .describe("Only requests of this key: its id, or its name where one key alone has it"),
});

const count = z.number();
const percentiles = z
  .object({ p50: count, p95: count, p99: count })
  .nullable()
  .describe("Of requests that went upstream; null = of none it is known");

const statsRow = z.object({
  group: z.string(),
  name: z
    .string()
    .nullish()
    .describe("With by=key: what the key of that id is called; null = not known. Of a deleted key, for admins only"),
  requests: count,
  errors: count,
  promptTokens: count,
  completionTokens: count,
  costUsd: count.nullable().describe("Of the requests whose cost is known; null = of none"),
  latencyMs: percentiles,
  ttftMs: percentiles,
});

export const statsSchema = z.object({
  by: z.enum(groupings),
  since: z.string(),
  source: z.enum(["database", "memory"]).describe("memory = the last requests since the start only"),
  rows: z.array(statsRow).describe("The busiest first; days and hours in their order"),
  total: statsRow.nullable().describe("null = there was no request"),
});

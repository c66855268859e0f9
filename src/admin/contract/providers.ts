import { z } from "zod";
import { providerSchema } from "../../config/schema.ts";
import { batchOf, entryVersion, entryView, pageOf, rawFields } from "./fields.ts";

/** Files of the server are named by its owner alone: through the API they would tell what there is on its disk. */
const { ca: _ca, ...settable } = providerSchema.shape;

const providerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]*$/i, { message: "must be made of letters, digits, '.', '_' and '-'" })
  .max(200)
  .describe("Its name, which is its id too");

/** As LLM Orchestrator's API takes it. */
const orchestratorForm = {
  config: z
    .strictObject({
      base_url: z.string().optional(),
      api_key: z.string().optional(),
      api_keys: z.array(z.string()).optional(),
    })
    .optional()
    .describe("Another way to say `baseUrl` and `credentials`"),
};

/** Values are judged with the whole configuration, which says more of what is wrong with them. */
const raw = { ...rawFields(settable), ...orchestratorForm };

export const providerCreateSchema = z.strictObject({ name: providerName, ...raw });
/** What is left out stays, `null` takes it away. */
export const providerPatchSchema = z.strictObject({ ...raw, version: entryVersion });
export const providerBatchSchema = batchOf(providerCreateSchema, providerPatchSchema.shape);

/** For the documents: what the values may be. */
export const providerCreateForm = z.strictObject({ name: providerName, ...settable, ...orchestratorForm });
export const providerPatchForm = z
  .strictObject({ ...settable, ...orchestratorForm })
  .partial()
  .extend({ version: entryVersion });

export const providerViewSchema = entryView.extend({
  type: z.string(),
  baseUrl: z.string().describe("Known for most types where none was written"),
  enabled: z.boolean(),
  protocols: z.array(z.string()),
  credentials: z.array(z.unknown()).optional().describe("Masked; sent back as they are, they stay what they were"),
});
export const providerPageSchema = pageOf(providerViewSchema);

export const providerTestSchema = z.object({
  ok: z.boolean(),
  latencyMs: z.number(),
  models: z.array(z.string()).optional().describe("What it lists, the first 200"),
  count: z.number().optional().describe("How many it lists"),
  error: z.string().optional().describe("Why it does not answer with a list of models"),
});
export type ProviderTest = z.infer<typeof providerTestSchema>;

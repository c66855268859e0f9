import { z } from "zod";
import { modelSchema } from "../../config/schema-routing.ts";
import { batchOf, entryVersion, entryView, pageOf, rawFields } from "./fields.ts";

const modelName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^\P{Cc}*$/u, { message: "must be one line" })
  .regex(/^(?!\.{1,2}$)/, { message: "must not be . or .., which no path can name" })
  .describe("What clients ask for, which is its id too; one `*` stands for anything");

/** Values are judged with the whole configuration, which says more of what is wrong with them. */
const raw = rawFields(modelSchema.shape);

export const modelCreateSchema = z.strictObject({ name: modelName, ...raw });
/** What is left out stays, `null` takes it away. */
export const modelPatchSchema = z.strictObject({ ...raw, version: entryVersion });
export const modelBatchSchema = batchOf(modelCreateSchema, modelPatchSchema.shape);

/** For the documents: what the values may be. */
export const modelCreateForm = z.strictObject({ name: modelName, ...modelSchema.shape });
export const modelPatchForm = modelSchema.partial().extend({ version: entryVersion });

export const modelViewSchema = entryView.extend({
  strategy: z.string(),
  targets: z.array(z.unknown()).describe("Who serves it: provider, model, weight, priority …"),
});
export const modelPageSchema = pageOf(modelViewSchema);

import { z } from "zod";

const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

const include = z
  .string()
  .max(100)
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  )
  .pipe(z.array(z.enum(["keys"])))
  .describe("`keys`: virtual keys and teams too, as they are kept: hashes, no tokens");

export const exportQuery = z.strictObject({
  secrets: flag.describe("true = API keys and passwords are not masked; for admins"),
  include,
});
export type ExportQuery = z.infer<typeof exportQuery>;

export const importQuery = z.strictObject({
  dryRun: flag.describe("true = only tell what would change"),
  replace: flag.describe("true = what this API has changed before and is not part of the import is taken back"),
  include,
});
export type ImportQuery = z.infer<typeof importQuery>;

const tree = z.record(z.string(), z.unknown());

const keptDocument = z.strictObject({
  id: z.string().min(1).max(200),
  value: tree,
});
export type KeptDocument = z.infer<typeof keptDocument>;

export const exportFormat = "orcestator-config/1";

export const configExportSchema = z.object({
  format: z.literal(exportFormat),
  version: z.string().describe("Of the gateway"),
  exportedAt: z.string(),
  config: tree.describe("As the configuration's file would say it: without defaults, secrets masked unless asked for"),
  origins: z.record(z.string(), z.string()).describe("Place → where its value was written; `overlay` = by this API"),
  leftOut: z.array(z.string()).describe("Changes of this API that do not fit what is beneath them any more"),
  keys: z.array(keptDocument).optional(),
  teams: z.array(keptDocument).optional(),
});
export type ConfigExport = z.infer<typeof configExportSchema>;

/** So many keys, and so many teams, are imported at a time. */
export const mostImported = 10_000;

const sentKeys = z
  .array(keptDocument)
  .optional()
  .describe(`Taken with \`include=keys\`, at most ${mostImported} at a time`);

const sentExport = z.strictObject({
  ...configExportSchema.partial().shape,
  format: z.literal(exportFormat).optional(),
  config: tree,
  keys: sentKeys,
  teams: sentKeys,
});

/** An export, or a configuration as a file says it. What the API cannot change is told and left alone. */
export const configImportSchema = z.union([sentExport, tree]);

/** Which of the two it is: what is wrong with one of them is not told of the other. */
export function importSchemaOf(document: Readonly<Record<string, unknown>>): z.ZodType<Record<string, unknown>> {
  return Object.hasOwn(document, "config") ? sentExport : tree;
}

/** Any object: what is in it is read as what it is. */
export const importedDocument = tree;

const difference = z.object({
  path: z.string(),
  before: z.unknown().describe("Masked where it is a secret; null = it was not there"),
  after: z.unknown(),
});

export const configImportResultSchema = z.object({
  dryRun: z.boolean(),
  differences: z.array(difference).describe("Values that are served otherwise now, or would be"),
  ignored: z.array(z.string()).describe("What differs, and only the configuration's file or the environment can say"),
  keys: z.number().describe("Virtual keys and teams that were written, or would be"),
  warnings: z.array(z.string()),
});
export type ConfigImportResult = z.infer<typeof configImportResultSchema>;

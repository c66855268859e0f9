import { type ConfigImportResult, configImportResultSchema } from "../admin/contract/config.ts";
import { type AdminArguments, askAdmin } from "./admin-api.ts";
import { importParts } from "./import-parts.ts";
import { CliError } from "./output.ts";

export interface ImportWishes {
  readonly dryRun: boolean;
  readonly replace: boolean;
  readonly keys: boolean;
}

/** A thousand keys, each written by itself to a database that is far away. */
const timeoutMs = 120_000;

/** One after the other: what the first one says of the configuration, and how many keys all have brought. */
function together(sofar: ConfigImportResult, next: ConfigImportResult): ConfigImportResult {
  const warnings = [...new Set([...sofar.warnings, ...next.warnings])];
  return { ...sofar, keys: sofar.keys + next.keys, warnings };
}

/**
 * Changes a gateway's configuration by a document, in as many requests as that takes. Rejects with CliError in the gateway's
 * own words, and with what was written before. Of a try in several parts `keys` counts a new team once for each that names it.
 */
export async function importDocument(
  args: AdminArguments,
  document: Readonly<Record<string, unknown>>,
  { dryRun, replace, keys }: ImportWishes,
): Promise<ConfigImportResult> {
  let done: ConfigImportResult | undefined;
  for (const { body, place } of keys ? importParts(document) : [{ body: document, place: "" }]) {
    // The parts behind the first name nothing: with them all would be taken back.
    const isReplacing = replace && done === undefined;
    const query = new URLSearchParams({
      dryRun: String(dryRun),
      replace: String(isReplacing),
      ...(keys && { include: "keys" }),
    });
    try {
      const path = `/api/config/import?${query.toString()}`;
      const told = configImportResultSchema.parse(await askAdmin(args, { method: "POST", path, body, timeoutMs }));
      done = done === undefined ? told : together(done, told);
    } catch (error) {
      if (done === undefined || dryRun || !(error instanceof CliError)) throw error;
      const before = `the configuration and ${done.keys} keys and teams were imported before`;
      throw new CliError(`${error.message} (${place} of the document; ${before}; run it again once that is mended)`);
    }
  }
  if (done === undefined) throw new Error("an import has at least one part");
  return done;
}

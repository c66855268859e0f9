import { defineCommand } from "citty";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { isPlainObject, leaves, type Leaf } from "../config/path.ts";
import { redactConfig } from "../config/redact.ts";
import { writtenForm } from "../config/written-form.ts";
import { configExportSchema } from "../admin/contract/config.ts";
import { adminArguments, type AdminArguments, askAdmin } from "./admin-api.ts";
import { configValueText } from "./config-value.ts";
import { palette, print, printJson, printNote, table, type Column } from "./output.ts";

const description = `Show the configuration as the gateway reads it, with the origin of every value; secrets are masked

Examples:
  orcestator config show          what differs from the defaults, and all providers and models
  orcestator config show --all    every value
  orcestator config show --live   of the running gateway: what was written, and what its admin API has changed (overlay)
  orcestator config show --json`;

interface Row extends Leaf {
  readonly origin: string;
}

/** A list or an object of a provider or model that holds nothing and was not written: there are dozens of them. */
function isNothing({ keys, value, origin }: Row): boolean {
  if (origin !== "default") return false;
  if (isPlainObject(value)) return true;
  const isSection = keys[0] === "providers" || keys[0] === "models";
  return isSection && Array.isArray(value) && value.length === 0 && keys[2] !== "credentials";
}

function rowsOf({ config, origins }: LoadedConfig): Row[] {
  return leaves(writtenForm(redactConfig(config)))
    .map((leaf) => ({ ...leaf, origin: origins.get(leaf.path) ?? "default" }))
    .filter((row) => !isNothing(row));
}

/** Defaults that tell what is served stay in the short view too. */
const alwaysShown =
  /^models.*\.targets\[\d+\]\.(?:provider|model)$|^providers.*\.(?:type|baseUrl|credentials|acceptsAnyModel)$|^server\.(?:host|port|anonymous)$/;

function printRows(rows: readonly Row[]): void {
  const colors = palette();
  const columns: Column<Row>[] = [
    { title: "SETTING", text: ({ path }) => path },
    { title: "VALUE", text: ({ keys, value }) => configValueText(keys, value), maxWidth: 80 },
    {
      title: "FROM",
      text: ({ origin }) => origin,
      paint: ({ origin }) => (origin === "default" ? colors.gray : colors.cyan),
    },
  ];
  print(table(columns, rows, colors));
}

/** What the running gateway has, with the changes that its admin API made. */
async function showLive(args: AdminArguments): Promise<void> {
  const body = configExportSchema.parse(await askAdmin(args, { method: "GET", path: "/api/config/export" }));
  if (args.json === true) {
    printJson(body);
    return;
  }
  for (const place of body.leftOut)
    printNote(
      `${palette(process.stderr).yellow("warning")}: ${place}: a change that does not fit any more is left out`,
    );
  printRows(leaves(body.config).map((leaf) => ({ ...leaf, origin: body.origins[leaf.path] ?? "default" })));
}

export default defineCommand({
  meta: { name: "show", description },
  args: {
    ...adminArguments,
    live: { type: "boolean", description: "Ask the running gateway; needs its admin token" },
    all: { type: "boolean", description: "Values that are left at their default, too" },
    origin: { type: "boolean", description: "Show where every value comes from (it always does)" },
    json: { type: "boolean", description: "Print JSON: {file, config, origins}" },
  },
  async run({ args }) {
    if (args.live === true) {
      await showLive(args);
      return;
    }
    const loaded = loadConfig({ configPath: args.config, needsCredential: false });
    if (args.json === true) {
      const { file = null, origins, warnings } = loaded;
      printJson({
        file,
        config: writtenForm(redactConfig(loaded.config)),
        origins: Object.fromEntries(origins),
        warnings,
      });
      return;
    }
    for (const warning of loaded.warnings) printNote(`${palette(process.stderr).yellow("warning")}: ${warning}`);
    const rows = rowsOf(loaded).filter(
      ({ path, origin }) => args.all === true || origin !== "default" || alwaysShown.test(path),
    );
    printRows(rows);
  },
});

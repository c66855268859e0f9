import { defineCommand } from "citty";
import { ConfigError, loadConfig, type ConfigProblem, type LoadedConfig } from "../config/load.ts";
import { listed } from "../lib/listed.ts";
import { databaseName } from "../storage/engines.ts";
import { configArgument } from "./config-argument.ts";
import { palette, print, printJson, printNote } from "./output.ts";

const description = `Check the configuration: exit code 0 when it has no mistake, else 1

Nothing is connected to: whether the database can be used is for \`orcestator db check\`.

Examples:
  orcestator config check
  orcestator config check --config staging.yaml --json`;

interface Report {
  readonly ok: boolean;
  readonly file: string | null;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly string[];
}

function inspect(configPath: string | undefined): { report: Report; loaded?: LoadedConfig; error?: ConfigError } {
  try {
    const loaded = loadConfig({ configPath, needsFiles: true });
    const { file = null, warnings } = loaded;
    return { report: { ok: true, file, problems: [], warnings }, loaded };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { report: { ok: false, file: error.file ?? null, problems: error.problems, warnings: [] }, error };
  }
}

/** A list of thousands says no more than their number. */
const mostNamed = 20;

function summary({ config, file }: LoadedConfig): string {
  const providers = Object.keys(config.providers);
  const models = Object.keys(config.models);
  return `${file ?? "environment and defaults"}: ${providers.length} provider(s) (${listed(providers, mostNamed)}), ${models.length} model(s) (${listed(models, mostNamed)})`;
}

/** What may keep the gateway from starting all the same. */
function notLookedAt({ config }: LoadedConfig): string[] {
  const { url } = config.storage;
  return url === undefined
    ? []
    : [`The database ${databaseName(url)} was not looked at: \`orcestator db check\` does.`];
}

export default defineCommand({
  meta: { name: "check", description },
  args: { ...configArgument, json: { type: "boolean", description: "Print JSON" } },
  run({ args }) {
    const { report, loaded, error } = inspect(args.config);
    if (!report.ok) process.exitCode = 1;
    if (args.json === true) {
      printJson(report);
      return;
    }
    const colors = palette();
    for (const warning of report.warnings) printNote(`${palette(process.stderr).yellow("warning")}: ${warning}`);
    if (loaded !== undefined) {
      const fine = `${colors.green("The configuration is fine.")} ${summary(loaded)}`;
      print([fine, ...notLookedAt(loaded)].join("\n"));
    }
    if (error !== undefined) print(`${colors.red("error")}: ${error.message}`);
  },
});

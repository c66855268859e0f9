import { defineCommand } from "citty";
import { configDifferences, type Difference } from "../config/differences.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { resolveConfig, type ResolvedConfig } from "../config/resolve.ts";
import { configSchema } from "../config/schema.ts";
import { configArgument } from "./config-argument.ts";
import { configValueText } from "./config-value.ts";
import { palette, print, printJson, printNote, table, type Column } from "./output.ts";

const description = `Show how the configuration differs from the defaults, or from what another file would make; secrets are masked

Examples:
  orcestator config diff
  orcestator config diff new.yaml
  orcestator config diff new.yaml --exit-code && echo "nothing would change"`;

function defaults(): ResolvedConfig {
  return resolveConfig(configSchema.parse({}));
}

function load(configPath: string | undefined): LoadedConfig {
  return loadConfig({ configPath, needsCredential: false });
}

function valueText({ keys }: Difference, value: unknown): string {
  return value === undefined ? "–" : configValueText(keys, value);
}

function afterText(difference: Difference): string {
  const [before, after] = [valueText(difference, difference.before), valueText(difference, difference.after)];
  return before === after ? `${after} (another secret)` : after;
}

interface Comparison {
  /** What stands on either side. */
  readonly before: string;
  readonly after: string;
  readonly titles: readonly [string, string];
  readonly differences: readonly Difference[];
}

function nameOf({ file }: LoadedConfig): string {
  return file ?? "environment and defaults";
}

/** A provider or model on one side only is told by what was written of it, without its dozens of defaults. */
function isWritten({ path, before, after }: Difference, own: LoadedConfig, other: LoadedConfig | undefined): boolean {
  if (other === undefined) return own.origins.get(path) !== "default";
  if (before !== undefined && after !== undefined) return true;
  return (before === undefined ? other : own).origins.get(path) !== "default";
}

function compare(own: LoadedConfig, other: LoadedConfig | undefined): Comparison {
  const [before, after] = other === undefined ? [defaults(), own.config] : [own.config, other.config];
  const differences = configDifferences(before, after).filter((difference) => isWritten(difference, own, other));
  if (other === undefined) return { before: "defaults", after: nameOf(own), titles: ["DEFAULT", "HERE"], differences };
  return { before: nameOf(own), after: nameOf(other), titles: ["NOW", "WITH IT"], differences };
}

function jsonOf({ before, after, differences }: Comparison): object {
  const listed = differences.map(({ path, before: was = null, after: is = null }) => ({
    path,
    before: was,
    after: is,
  }));
  return { before, after, differences: listed };
}

function printTable({ titles, differences }: Comparison): void {
  const colors = palette();
  const columns: Column<Difference>[] = [
    { title: "SETTING", text: ({ path }) => path },
    { title: titles[0], text: (row) => valueText(row, row.before), maxWidth: 60, paint: () => colors.red },
    { title: titles[1], text: afterText, maxWidth: 60, paint: () => colors.green },
  ];
  print(table(columns, differences, colors));
}

export default defineCommand({
  meta: { name: "diff", description },
  args: {
    file: {
      type: "positional",
      required: false,
      description: "A file to compare with, read with the same environment (default: compare with the defaults)",
    },
    ...configArgument,
    "exit-code": { type: "boolean", description: "Exit code 1 when there are differences" },
    json: { type: "boolean", description: "Print JSON: {before, after, differences}" },
  },
  run({ args }) {
    const own = load(args.config);
    const other = args.file === undefined ? undefined : load(args.file);
    for (const warning of (other ?? own).warnings)
      printNote(`${palette(process.stderr).yellow("warning")}: ${warning}`);
    const comparison = compare(own, other);
    if (args["exit-code"] === true && comparison.differences.length > 0) process.exitCode = 1;
    if (args.json === true) printJson(jsonOf(comparison));
    else if (comparison.differences.length === 0) print("There are no differences.");
    else printTable(comparison);
  },
});

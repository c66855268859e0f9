import { defineCommand } from "citty";
import { inspectDatabase } from "../storage/databases.ts";
import { databaseName } from "../storage/engines.ts";
import type { DatabaseReport } from "../storage/table-access.ts";
import { databaseArguments, databaseUrlOf } from "./db-argument.ts";
import { type Palette, palette, print, printJson } from "./output.ts";

const description = `What is in the database, and whether a file is whole; exit code 0 when the gateway can use it as it is, else 1

Examples:
  orcestator db check
  orcestator db check --db data/orcestator.db --json`;

/** Sizes as people read them: 12.3 MiB. */
function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

function schemaLine({ version, knownVersion }: DatabaseReport, colors: Palette): string {
  if (version === knownVersion) return `${version}, ${colors.green("up to date")}`;
  if (version === undefined) return colors.red("cannot be read");
  const there = version === 0 ? "none yet" : `${version} of ${knownVersion}`;
  return `${colors.yellow(there)}; \`orcestator db migrate\` and the next start of the gateway bring it up to date`;
}

/** Of a file that is ours: a stranger's is refused, here as at the start. */
function stateLines(damage: DatabaseReport["damage"], { name, colors }: { name: string; colors: Palette }): string[][] {
  if (damage === undefined) return [];
  if (damage === null) return [["State", colors.green("whole")]];
  return [
    ["State", `${colors.red("damaged")}: ${damage}`],
    [
      "At start",
      `the gateway puts it aside (${name}.corrupt-<time>) as soon as it meets the damage, and starts a new one without its keys and all else`,
    ],
    [
      "To do",
      "stop the gateways that use it, move it and its -wal and -shm away, and bring a backup back: `orcestator restore <file>`",
    ],
  ];
}

function lines(report: DatabaseReport, { name, colors }: { name: string; colors: Palette }): string[] {
  const { engine, bytes, rows, oldest, damage } = report;
  const found = [
    ["Database", `${name} (${engine})`],
    ...stateLines(damage, { name, colors }),
    ["Schema", schemaLine(report, colors)],
    ["Size", sizeText(bytes)],
    ...Object.entries(rows ?? {}).map(([table, count]) => [table, count.toLocaleString("en-US")]),
    ...(oldest === undefined ? [] : [["Oldest", new Date(oldest).toISOString()]]),
  ];
  return found.map(
    ([title = "", text = ""]) => `${colors.bold((title[0] ?? "").toUpperCase() + title.slice(1).padEnd(10))} ${text}`,
  );
}

export default defineCommand({
  meta: { name: "check", description },
  args: { ...databaseArguments, json: { type: "boolean", description: "Print JSON" } },
  async run({ args }) {
    const url = databaseUrlOf(args);
    const name = databaseName(url);
    const report = await inspectDatabase(url);
    const isUsable = report?.version === report?.knownVersion && typeof report?.damage !== "string";
    if (report === undefined || !isUsable) process.exitCode = 1;
    if (args.json === true) {
      const found = report && { ...report, version: report.version ?? null };
      printJson({ database: name, exists: report !== undefined, ...found, oldest: report?.oldest ?? null });
      return;
    }
    if (report === undefined) print(`There is no database ${name} yet; the gateway makes it when it starts.`);
    else print(lines(report, { name, colors: palette() }).join("\n"));
  },
});

import { existsSync, statSync } from "node:fs";
import { defineCommand } from "citty";
import { loadConfig } from "../config/load.ts";
import { GatewayError } from "../errors.ts";
import { parseDuration } from "../lib/duration.ts";
import { readSqliteStatistics, sqlitePathOf } from "../storage/sqlite/index.ts";
import { type Grouping, groupings, type StatisticsRow } from "../storage/store.ts";
import { type TrafficGrouping, trafficGroupings, trafficStatistics } from "../storage/traffic-statistics.ts";
import { localDay, localTime } from "../telemetry/local-time.ts";
import { CliError, createPalette, hasColor, print, printJson, printNote, usageError } from "./output.ts";
import { formatStats, statsJson } from "./stats-format.ts";
import { outputWidth } from "./output-width.ts";

const description = `Requests, errors, tokens, cost and latency

Examples:
  orcestator stats                                       the last 24 hours, by model
  orcestator stats --by day --since 30d                  a month, day by day
  orcestator stats --by key --json                       per key, for a script
  orcestator stats --file logs/traffic.log --since all   from a traffic log`;

interface StatsArguments {
  by: string;
  since: string;
  db?: string | undefined;
  file?: string | undefined;
  config?: string | undefined;
  json?: boolean | undefined;
}

/** The first bytes of every SQLite file. */
const sqliteMark = "SQLite format 3\0";

type Source = { kind: "database" | "log"; path: string };

interface Answer {
  rows: StatisticsRow[];
  total: StatisticsRow | undefined;
}

function groupingOf(text: string): Grouping {
  const grouping = groupings.find((candidate) => candidate === text);
  if (grouping === undefined) throw usageError(`--by ${text}: write one of ${groupings.join(", ")}`);
  return grouping;
}

function startOf(text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined) return Math.max(0, Date.now() - duration);
  if (text === "all") return 0;
  // Without a time of day Date.parse would take midnight UTC, and people mean their own.
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00`) : Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(time)) return time;
  throw usageError(`--since ${text}: write a duration (30m, 24h, 7d), a date (2026-11-20) or all`);
}

function existing(kind: Source["kind"], path: string, where: string): Source {
  if (existsSync(path)) return { kind, path };
  throw new CliError(`there is no file ${path} (${where})`);
}

async function isSqlite(path: string): Promise<boolean> {
  const beginning = await Bun.file(path).slice(0, sqliteMark.length).text();
  return beginning === sqliteMark;
}

/** What is read must be what it is said to be: a database holds no line of a log, and a folder nothing at all. */
async function checkKind({ kind, path }: Source): Promise<void> {
  if (!statSync(path).isFile()) throw new CliError(`${path} is no file`);
  if (kind === "log" && (await isSqlite(path)))
    throw new CliError(`${path} is no traffic log but a SQLite database; name it with --db`);
}

function databasePathOf(text: string): string {
  return text.startsWith("sqlite://") ? sqlitePathOf(text) : text;
}

/** The database when there is one, because it knows more; else the traffic log. */
function sourceOf(args: StatsArguments): Source {
  if (args.db !== undefined && args.file !== undefined) throw usageError("--db and --file cannot be combined");
  if (args.db !== undefined) return existing("database", databasePathOf(args.db), "--db");
  if (args.file !== undefined) return existing("log", args.file, "--file");
  const { storage, logging } = loadConfig({ configPath: args.config, needsCredential: false }).config;
  const database = storage.url === undefined ? undefined : sqlitePathOf(storage.url);
  if (database !== undefined && existsSync(database)) return { kind: "database", path: database };
  if (logging.file !== "" && existsSync(logging.file)) return { kind: "log", path: logging.file };
  const tried = [database, logging.file].filter((path) => path !== undefined && path !== "");
  const what = tried.length === 0 ? "both are switched off" : `there is no ${tried.join(" and no ")}`;
  throw new CliError(
    `nothing to read: ${what} (settings storage.url, OR_DB_PATH, and logging.file, OR_LOG_FILE); ` +
      "the gateway creates them with its first request, or name one with --db or --file",
  );
}

function isTrafficGrouping(by: Grouping): by is TrafficGrouping {
  return trafficGroupings.some((grouping) => grouping === by);
}

function cannotRead(path: string, error: unknown): Error {
  if (error instanceof GatewayError || !(error instanceof Error)) return new CliError(String(error));
  return new CliError(`cannot read ${path}: ${error.message}`);
}

async function read(source: Source, query: { since: number; by: Grouping }): Promise<Answer> {
  const { since, by } = query;
  if (source.kind === "log" && !isTrafficGrouping(by)) {
    const known = trafficGroupings.join(", ");
    throw usageError(
      `--by ${by}: the traffic log ${source.path} does not hold it (only ${known}); ` +
        "the audit database does, once OR_DB_PATH or storage.url names one",
    );
  }
  try {
    if (isTrafficGrouping(by) && source.kind === "log")
      return await trafficStatistics({ file: source.path, since, by });
    const [rows = [], totals = []] = readSqliteStatistics(source.path, [query, { since, by: undefined }]);
    return { rows, total: totals[0] };
  } catch (error) {
    throw cannotRead(source.path, error);
  }
}

function sinceText(since: number): string {
  return since === 0 ? "" : ` since ${localDay(since)} ${localTime(since)}`;
}

async function stats(args: StatsArguments): Promise<void> {
  const by = groupingOf(args.by);
  const since = startOf(args.since);
  const source = sourceOf(args);
  await checkKind(source);
  const { rows, total } = await read(source, { since, by });
  if (args.json === true) {
    printJson(statsJson({ source: source.path, since, by, rows, total }));
    return;
  }
  if (total === undefined) {
    print(`No requests${sinceText(since)} in ${source.path}.`);
    return;
  }
  const colors = createPalette(hasColor());
  printNote(colors.gray(`Requests${sinceText(since)}, from ${source.path}`));
  print(formatStats({ by, rows, total }, { width: outputWidth(process.stdout), colors }));
  if (source.kind === "log")
    printNote(colors.gray("Cost and time to the first token are only in the audit database (OR_DB_PATH)."));
}

export default defineCommand({
  meta: { name: "stats", description },
  args: {
    by: { type: "string", default: "model", valueHint: groupings.join("|"), description: "What to group by" },
    since: { type: "string", default: "24h", valueHint: "24h", description: "How far back: a duration, a date or all" },
    db: { type: "string", valueHint: "path", description: "Audit database to read (default: setting storage.url)" },
    file: {
      type: "string",
      valueHint: "path",
      description: "Traffic log to read instead (default: setting logging.file)",
    },
    config: { type: "string", valueHint: "path", description: "Configuration file" },
    json: { type: "boolean", description: "One JSON object" },
  },
  run: ({ args }) => stats(args),
});

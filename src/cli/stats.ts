import { existsSync, statSync } from "node:fs";
import { defineCommand } from "citty";
import { loadConfig } from "../config/load.ts";
import { keyKind } from "../keys/virtual-key.ts";
import { readNames, readStatistics } from "../storage/databases.ts";
import { databaseName } from "../storage/engines.ts";
import { type Grouping, groupings, type StatisticsRow } from "../storage/store.ts";
import { type TrafficGrouping, trafficGroupings, trafficStatistics } from "../storage/traffic-statistics.ts";
import { localDay, localTime } from "../telemetry/local-time.ts";
import { CliError, createPalette, hasColor, print, printJson, printNote, usageError } from "./output.ts";
import {
  databaseUrlIn,
  isDatabaseThere,
  type ReadableDatabase,
  readableDatabase,
  readFrom,
} from "./readable-database.ts";
import { sinceOf } from "./since.ts";
import { formatStats, statsJson, type StatsRow } from "./stats-format.ts";
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

/** `name` is the path of a log. */
type Source = { readonly kind: "log"; readonly name: string } | ({ readonly kind: "database" } & ReadableDatabase);

interface Answer {
  rows: StatsRow[];
  total: StatisticsRow | undefined;
}

function groupingOf(text: string): Grouping {
  const grouping = groupings.find((candidate) => candidate === text);
  if (grouping === undefined) throw usageError(`--by ${text}: write one of ${groupings.join(", ")}`);
  return grouping;
}

function existingLog(path: string, where: string): Source {
  if (existsSync(path)) return { kind: "log", name: path };
  throw new CliError(`there is no file ${path} (${where})`);
}

async function isSqlite(path: string): Promise<boolean> {
  const beginning = await Bun.file(path).slice(0, sqliteMark.length).text();
  return beginning === sqliteMark;
}

/** What is read must be what it is said to be: a database holds no line of a log, and a folder nothing at all. */
async function checkKind({ kind, name }: Source): Promise<void> {
  if (kind === "database") return;
  if (!statSync(name).isFile()) throw new CliError(`${name} is no file`);
  if (await isSqlite(name)) throw new CliError(`${name} is no traffic log but a SQLite database; name it with --db`);
}

function databaseAt(url: string): Source {
  return { kind: "database", ...readableDatabase(url) };
}

/** The database when there is one, because it knows more; else the traffic log. */
function sourceOf(args: StatsArguments): Source {
  if (args.db !== undefined && args.file !== undefined) throw usageError("--db and --file cannot be combined");
  if (args.db !== undefined) return databaseAt(databaseUrlIn(args.db));
  if (args.file !== undefined) return existingLog(args.file, "--file");
  const { storage, logging } = loadConfig({ configPath: args.config, needsCredential: false }).config;
  if (storage.url !== undefined && isDatabaseThere(storage.url)) return databaseAt(storage.url);
  if (logging.file !== "" && existsSync(logging.file)) return { kind: "log", name: logging.file };
  const tried = [storage.url && databaseName(storage.url), logging.file].filter(
    (path) => path !== undefined && path !== "",
  );
  const what = tried.length === 0 ? "both are switched off" : `there is no ${tried.join(" and no ")}`;
  throw new CliError(
    `nothing to read: ${what} (settings storage.url, OR_DB_PATH, and logging.file, OR_LOG_FILE); ` +
      "the gateway creates them with its first request, or name one with --db or --file",
  );
}

function isTrafficGrouping(by: Grouping): by is TrafficGrouping {
  return trafficGroupings.some((grouping) => grouping === by);
}

async function readLog(file: string, { since, by }: { since: number; by: Grouping }): Promise<Answer> {
  if (isTrafficGrouping(by)) return trafficStatistics({ file, since, by });
  const known = trafficGroupings.join(", ");
  throw usageError(
    `--by ${by}: the traffic log ${file} does not hold it (only ${known}); ` +
      "the audit database does, once OR_DB_PATH or storage.url names one",
  );
}

async function withNames(database: ReadableDatabase, rows: readonly StatisticsRow[]): Promise<StatsRow[]> {
  const ids = rows.map(({ group }) => group);
  const names = await readFrom(database, (url) => readNames(url, keyKind, ids));
  return rows.map((row) => ({ ...row, name: names.get(row.group) }));
}

async function read(source: Source, query: { since: number; by: Grouping }): Promise<Answer> {
  if (source.kind === "log") return readLog(source.name, query);
  const queries = [query, { since: query.since, by: undefined }];
  const [rows = [], totals = []] = await readFrom(source, (url) => readStatistics(url, queries));
  const named = query.by === "key" ? await withNames(source, rows) : rows;
  return { rows: named, total: totals[0] };
}

function sinceText(since: number): string {
  return since === 0 ? "" : ` since ${localDay(since)} ${localTime(since)}`;
}

async function stats(args: StatsArguments): Promise<void> {
  const by = groupingOf(args.by);
  const since = sinceOf(args.since);
  const source = sourceOf(args);
  await checkKind(source);
  const { rows, total } = await read(source, { since, by });
  if (args.json === true) {
    printJson(statsJson({ source: source.name, since, by, rows, total }));
    return;
  }
  if (total === undefined) {
    print(`No requests${sinceText(since)} in ${source.name}.`);
    return;
  }
  const colors = createPalette(hasColor());
  printNote(colors.gray(`Requests${sinceText(since)}, from ${source.name}`));
  print(formatStats({ by, rows, total }, { width: outputWidth(process.stdout), colors }));
  if (source.kind === "log")
    printNote(colors.gray("Cost and time to the first token are only in the audit database (OR_DB_PATH)."));
}

export default defineCommand({
  meta: { name: "stats", description },
  args: {
    by: { type: "string", default: "model", valueHint: groupings.join("|"), description: "What to group by" },
    since: { type: "string", default: "24h", valueHint: "24h", description: "How far back: a duration, a date or all" },
    db: {
      type: "string",
      valueHint: "url",
      description: "Audit database to read: a URL or a path (default: setting storage.url)",
    },
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

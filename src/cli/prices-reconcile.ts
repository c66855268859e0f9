import { defineCommand } from "citty";
import { reconcile, type Reconciled } from "../prices/reconcile.ts";
import { readReportedCosts } from "../storage/databases.ts";
import { localDay, localTime } from "../telemetry/local-time.ts";
import { databaseArguments, databaseUrlOf } from "./db-argument.ts";
import { palette, print, printable, printJson, printNote, usageError } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import { formatReconciled } from "./prices-format.ts";
import { readableDatabase, readFrom } from "./readable-database.ts";
import { sinceOf } from "./since.ts";

const description = `Compare what upstreams reported with what prices make of the same requests

Examples:
  orcestator prices reconcile --since 30d
  orcestator prices reconcile --exit-code       for a script: 1 when a model drifts by more than 2 % and $0.01`;

interface ReconcileArguments {
  readonly since: string;
  readonly db?: string | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
  readonly exitCode?: boolean | undefined;
}

function summary(rows: readonly Reconciled[]): string {
  const drifting = rows.filter(({ isDrifting }) => isDrifting);
  if (drifting.length === 0) return "No model drifts by more than 2 % and $0.01.";
  const names = drifting.map(({ provider, model }) => printable(`${provider}/${model}`)).join(", ");
  return `Drifting: ${names}. Set their prices in prices.models, or refresh the price table (prices.refresh).`;
}

function show(rows: readonly Reconciled[], where: string): void {
  if (rows.length === 0) {
    print(`No upstream reported a cost ${where}.`);
    return;
  }
  const { gray } = palette(process.stderr);
  printNote(gray(`Requests whose upstream reported their cost ${where}`));
  print(formatReconciled(rows, { width: outputWidth(process.stdout), colors: palette() }));
  printNote(gray(summary(rows)));
}

async function reconcileCosts(args: ReconcileArguments): Promise<void> {
  const since = sinceOf(args.since);
  const database = readableDatabase(databaseUrlOf(args));
  const rows = reconcile(await readFrom(database, (url) => readReportedCosts(url, since)));
  const start = since === 0 ? "" : `since ${localDay(since)} ${localTime(since)} `;
  if (args.json === true) printJson({ source: database.name, since: new Date(since).toISOString(), rows });
  else show(rows, `${start}in ${database.name}`);
  if (args.exitCode === true && rows.some(({ isDrifting }) => isDrifting)) process.exitCode = 1;
}

export default defineCommand({
  meta: { name: "reconcile", description },
  args: {
    since: { type: "string", default: "7d", valueHint: "7d", description: "How far back: a duration, a date or all" },
    ...databaseArguments,
    url: {
      type: "string",
      valueHint: "url",
      description: "Not here: no gateway is asked, the database is read (--db)",
    },
    json: { type: "boolean", description: "Print JSON" },
    exitCode: { type: "boolean", description: "Exit with 1 when a model drifts" },
  },
  run: ({ args }) => {
    if (args.url === undefined) return reconcileCosts(args);
    throw usageError(
      "prices reconcile reads the database, and asks no gateway: leave --url out, and name the database with --db",
    );
  },
});

import { defineCommand } from "citty";
import { ConfigError } from "../config/load.ts";
import { databaseName } from "../storage/engines.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { requestView, viewJson } from "../telemetry/request-view.ts";
import { adminTokenFor, type AdminAccess } from "./admin-token.ts";
import { configArgument } from "./config-argument.ts";
import { formatExplanation } from "./explain-format.ts";
import { askGateway, readDatabase, type Wanted } from "./explain-sources.ts";
import { accessArguments } from "./gateway-arguments.ts";
import { gatewayUrl } from "./gateway-url.ts";
import { CliError, palette, print, printNote, usageError } from "./output.ts";
import { outputWidth } from "./output-width.ts";
import { databaseUrlIn, isDatabaseThere, readableDatabase } from "./readable-database.ts";
import { tryLoad } from "./try-load.ts";

const description = `Show why a request went where it went: targets, attempts, waits, cost, how it ended

Examples:
  orcestator explain last                                        the request that ended last
  orcestator explain req_mfcsd0p9k3v7x2b8n5q1w4z6                the id that the answer had in x-request-id
  orcestator explain last --db data/orcestator.db --json         from the audit database
  orcestator explain last --url http://host:8000 --token TOKEN   from a gateway elsewhere`;

const localTimeoutMs = 3000;
const remoteTimeoutMs = 15_000;
const idShape = /^req_[0-9a-z]{24}$/;

interface ExplainArguments extends AdminAccess {
  readonly id: string;
  readonly db?: string | undefined;
}

function wantedOf(text: string): Wanted {
  if (text === "last") return "last";
  if (idShape.test(text)) return { id: text };
  throw usageError(
    `${text} is no request's id: write the x-request-id of its answer (req_ and 24 characters), or last`,
  );
}

/** The configured gateway; why it did not tell of the request, where it did not. */
async function askHere(args: ExplainArguments): Promise<RequestRecord | CliError> {
  const url = gatewayUrl(args);
  const token = adminTokenFor(args);
  if (token === undefined)
    return new CliError(`${url} cannot be asked without its admin token (--token, AUTH_TOKEN, admin.token)`);
  try {
    return await askGateway({ url, token, timeoutMs: localTimeoutMs }, wantedOf(args.id));
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}

/** The running gateway first: it knows requests that are in no database. */
async function findHere(args: ExplainArguments): Promise<RequestRecord> {
  const answer = await askHere(args);
  if (!(answer instanceof CliError)) return answer;
  const loaded = tryLoad(args.config);
  if (loaded instanceof ConfigError) throw new CliError(`${answer.message}. And ${loaded.message}`);
  const { url } = loaded.config.storage;
  if (url === undefined)
    throw new CliError(`${answer.message}. No audit database is configured either (storage.url, OR_DB_PATH)`);
  if (!isDatabaseThere(url))
    throw new CliError(`${answer.message}. There is no database ${databaseName(url)} yet either`);
  const database = readableDatabase(url);
  printNote(palette(process.stderr).gray(`${answer.message}; looking into ${database.name}.`));
  return readDatabase(database, wantedOf(args.id));
}

async function find(args: ExplainArguments): Promise<RequestRecord> {
  const wanted = wantedOf(args.id);
  if (args.db !== undefined && args.url !== undefined) throw usageError("--db and --url cannot be combined");
  if (args.db !== undefined) return readDatabase(readableDatabase(databaseUrlIn(args.db)), wanted);
  if (args.url === undefined) return findHere(args);
  return askGateway({ url: gatewayUrl(args), token: adminTokenFor(args), timeoutMs: remoteTimeoutMs }, wanted);
}

// JSON may hold these as they are, but a terminal obeys some and many line readers break at the others.
// eslint-disable-next-line no-control-regex
const unsafeInJson = /[\u007f-\u009f\u2028\u2029]/g;

function safeJson(record: RequestRecord): string {
  return viewJson(requestView(record), 2).replaceAll(
    unsafeInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export default defineCommand({
  meta: { name: "explain", description },
  args: {
    id: { type: "positional", required: true, description: "x-request-id of its answer, or last" },
    ...accessArguments,
    db: { type: "string", valueHint: "url", description: "Audit database to read instead: a URL or a path" },
    ...configArgument,
    json: { type: "boolean", description: "Print JSON" },
  },
  async run({ args }) {
    const record = await find(args);
    if (args.json === true) print(safeJson(record));
    else print(formatExplanation(record, { width: outputWidth(process.stdout), colors: palette() }));
  },
});

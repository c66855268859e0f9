import { numberIn, type SqlRow, type Steps, statement, textIn } from "../sql/steps.ts";
import { DatabaseRefused } from "./failure.ts";
import type { Pool, Run } from "./pool.ts";

/** How an engine changes its schema. */
export interface Schema {
  /** Version N is what the first N steps make; each is a list of statements. A step that has shipped is never changed. */
  readonly steps: readonly (readonly string[])[];
  /** Names of the tables that are there, as `name`. */
  readonly tablesSql: string;
  /** Runs `work` while no other process does the same; where the engine can, in one transaction. */
  readonly exclusively: <Answer>(pool: Pool, work: (run: Run) => Promise<Answer>) => Promise<Answer>;
  /** Begins a transaction that sees the database as it is at one moment. */
  readonly snapshotSql: string;
  /** What runs there, for people, and how many bytes it takes: as `name` and `bytes`. */
  readonly serverSql: string;
  /** Whether a statement failed because it was done before: an engine without transactions for this may have been cut off in the middle. */
  readonly isDone: (error: unknown) => boolean;
}

/** What stands in a database before anything is changed in it. */
export interface SchemaState {
  /** 0 = nothing of ours. */
  readonly version: number;
  readonly tables: readonly string[];
}

const mark = "orcestator_schema";
const createMark = `CREATE TABLE IF NOT EXISTS ${mark} (name VARCHAR(40) NOT NULL PRIMARY KEY, version BIGINT NOT NULL)`;
const versionSql = `SELECT version FROM ${mark} WHERE name = 'schema'`;
/** A new schema takes moments; another process's turn is waited for. */
export const migrationMs = 60_000;
/** A look costs a server nothing; one that is away shall be noticed to be back soon. */
const lookMs = 2500;

function tableNamesIn(rows: readonly SqlRow[]): string[] {
  return rows.map((row) => textIn(row, "name"));
}

export function* schemaStateSteps({ tablesSql }: Schema): Steps<SchemaState> {
  const tables = tableNamesIn((yield statement(tablesSql)).rows);
  const version = tables.includes(mark) ? numberIn((yield statement(versionSql)).rows[0], "version") : 0;
  return { version, tables };
}

/** Throws DatabaseRefused for a database that is not ours, or not yet this release's. */
export function checkSchema(
  { version, tables }: SchemaState,
  { steps, address }: { steps: Schema["steps"]; address: string },
): void {
  if (version > steps.length)
    throw new DatabaseRefused(
      `The database ${address} has schema version ${version}, this release knows up to ${steps.length}. ` +
        "Run the newer release that wrote it, or name another database in storage.url (DATABASE_URL).",
    );
  const foreign = tables.filter((name) => name !== mark);
  if (version > 0 || tables.includes(mark) || foreign.length === 0) return;
  throw new DatabaseRefused(
    `The database ${address} holds another program's tables (${foreign.slice(0, 3).join(", ")}…); they were left as they are. ` +
      "Make a database of its own for the gateway (CREATE DATABASE orcestator) and name it in storage.url (DATABASE_URL).",
  );
}

async function runUnlessDone(run: Run, sql: string, { isDone }: Schema): Promise<void> {
  try {
    await run({ sql, values: [] });
  } catch (error) {
    if (!isDone(error)) throw error;
  }
}

async function bringUpToDate(run: Run, { schema, address }: { schema: Schema; address: string }): Promise<void> {
  const { steps, tablesSql } = schema;
  const tables = tableNamesIn((await run(statement(tablesSql))).rows);
  const isMarked = tables.includes(mark);
  const version = isMarked ? numberIn((await run(statement(versionSql))).rows[0], "version") : 0;
  checkSchema({ version, tables }, { steps, address });
  if (!isMarked) await run(statement(createMark));
  for (const [index, statements] of steps.entries()) {
    if (index < version) continue;
    for (const sql of statements) await runUnlessDone(run, sql, schema);
    const { changed } = await run(statement(`UPDATE ${mark} SET version = ? WHERE name = 'schema'`, index + 1));
    if (changed === 0) await run(statement(`INSERT INTO ${mark} (name, version) VALUES ('schema', ?)`, index + 1));
  }
}

/** Brings the schema up to date; safe when several processes start at once. Resolves to the version that was there. */
export async function migrateServer(
  pool: Pool,
  { schema, address }: { schema: Schema; address: string },
): Promise<number> {
  const state = await pool.read(() => schemaStateSteps(schema), Math.min(lookMs, pool.timeoutMs));
  checkSchema(state, { steps: schema.steps, address });
  if (state.version === schema.steps.length) return state.version;
  await schema.exclusively(pool, (run) => bringUpToDate(run, { schema, address }));
  return state.version;
}

import type { Database } from "bun:sqlite";
import { type Outcome, runAtOnce, type SqlRow, type SqlValue, type Statement, type Steps } from "../sql/steps.ts";

export function runStatement(database: Database, { sql, values }: Statement): Outcome {
  const query = database.query<SqlRow, SqlValue[]>(sql);
  if (query.columnNames.length > 0) return { rows: query.all(...values), changed: 0 };
  return { rows: [], changed: query.run(...values).changes };
}

/** All statements see the database as it is at one moment. */
export function readAtOnce<Answer>(database: Database, steps: Steps<Answer>): Answer {
  return database.transaction(() => runAtOnce(steps, (step) => runStatement(database, step))).deferred();
}

/** All or nothing. */
export function writeAtOnce<Answer>(database: Database, steps: Steps<Answer>): Answer {
  return database.transaction(() => runAtOnce(steps, (step) => runStatement(database, step))).immediate();
}

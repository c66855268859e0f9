/** What a column may hold. */
export type SqlValue = string | number | null;

/** One statement; `?` stands for a value, whatever the engine writes. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export interface Outcome {
  /** As the driver gives them: whole numbers may be texts. */
  readonly rows: readonly SqlRow[];
  /** Rows that an INSERT, UPDATE or DELETE wrote. */
  readonly changed: number;
}

export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * Work on a database, written once for those that answer at once and those that answer over a network: it yields
 * statements, and gets what they came to.
 */
export type Steps<Answer> = Generator<Statement, Answer, Outcome>;

export function statement(sql: string, ...values: readonly SqlValue[]): Statement {
  return { sql, values };
}

export function runAtOnce<Answer>(steps: Steps<Answer>, run: (statement: Statement) => Outcome): Answer {
  let step = steps.next();
  while (step.done !== true) step = steps.next(run(step.value));
  return step.value;
}

export async function runInTurn<Answer>(
  steps: Steps<Answer>,
  run: (statement: Statement) => Promise<Outcome>,
): Promise<Answer> {
  let step = steps.next();
  while (step.done !== true) step = steps.next(await run(step.value));
  return step.value;
}

/** A whole or broken number of a column; PostgreSQL and MySQL give large ones as texts. 0 where there is none. */
export function numberIn(row: SqlRow | undefined, column: string): number {
  const value = row?.[column];
  return value === null || value === undefined ? 0 : Number(value);
}

export function maybeNumberIn(row: SqlRow, column: string): number | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : Number(value);
}

export function textIn(row: SqlRow, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}

export function maybeTextIn(row: SqlRow, column: string): string | undefined {
  const value = row[column];
  return typeof value === "string" ? value : undefined;
}

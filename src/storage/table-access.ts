import type { Dialect } from "./sql/dialect.ts";
import type { Steps } from "./sql/steps.ts";

export type Read = <Answer>(steps: Steps<Answer>) => Promise<Answer>;

/** A database as those see it who look after it: its tables, row by row. */
export interface TableAccess {
  readonly dialect: Dialect;
  read<Answer>(steps: () => Steps<Answer>): Promise<Answer>;
  /** In one transaction. */
  write<Answer>(steps: () => Steps<Answer>): Promise<Answer>;
  /** Everything that `work` reads is of one moment, however long it takes. */
  snapshot<Answer>(work: (read: Read) => Promise<Answer>): Promise<Answer>;
  close(): Promise<void>;
}

/** What is there, told without changing anything. */
export interface DatabaseReport {
  /** What runs there: `PostgreSQL 15.18`, `SQLite 3.53.4`. */
  readonly engine: string;
  /** What is wrong with a file, in short; `null` = nothing was found, `undefined` = a server looks after that itself. */
  readonly damage: string | null | undefined;
  /** The version of the schema; 0 = there is none of ours yet, `undefined` = it cannot be read. */
  readonly version: number | undefined;
  /** The version that this release works with. */
  readonly knownVersion: number;
  /** What the engine says it takes on its disk. */
  readonly bytes: number;
  /** Rows by table; `undefined` where the schema is not this release's, or they cannot be read. */
  readonly rows: Readonly<Record<string, number>> | undefined;
  /** Start of the first request that is kept, epoch milliseconds. */
  readonly oldest: number | undefined;
}

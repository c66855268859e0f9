import type { Database, Statement } from "bun:sqlite";
import type { RequestRecord } from "../../telemetry/request-record.ts";
import { requestColumns } from "../request-columns.ts";
import type { SqlValue } from "../sql/steps.ts";
import { tables } from "../tables.ts";
import { createUsageLedger } from "../usage/ledger.ts";
import { sqliteDialect } from "./dialect.ts";

/** Some of a batch were there already: it is written once more, row by row, to know which. */
class PartlyThere extends Error {}

type Insert = Statement<undefined, SqlValue[]>;

const names = Object.keys(requestColumns);
const columns = Object.values(requestColumns);
const marks = `(${names.map(() => "?").join(", ")})`;
/** Rows in one statement, of those that come in batches: a tenth less work than one statement for each. */
const together = 25;

function insertSql(rows: number): string {
  const lists = Array.from({ length: rows }, () => marks).join(", ");
  // Not INSERT OR IGNORE: that would also skip rows that break a NOT NULL in silence.
  return `INSERT INTO requests (${names.join(", ")}) VALUES ${lists} ON CONFLICT (id) DO NOTHING`;
}

function valuesOf(records: readonly RequestRecord[]): SqlValue[] {
  const values: SqlValue[] = [];
  for (const record of records) for (const { of } of columns) values.push(of(record));
  return values;
}

/** Those that were not there yet. */
function addOneByOne(records: readonly RequestRecord[], one: Insert): RequestRecord[] {
  return records.filter((record) => one.run(...valuesOf([record])).changes > 0);
}

function addTogether(records: readonly RequestRecord[], { one, many }: { one: Insert; many: Insert }): void {
  let at = 0;
  for (; at + together <= records.length; at += together) {
    if (many.run(...valuesOf(records.slice(at, at + together))).changes < together) throw new PartlyThere();
  }
  const rest = records.slice(at);
  if (addOneByOne(rest, one).length < rest.length) throw new PartlyThere();
}

/** What writes records and their totals in one transaction. */
export function createSqliteInsert(database: Database) {
  const one: Insert = database.prepare(insertSql(1));
  const many: Insert = database.prepare(insertSql(together));
  const ledger = createUsageLedger();

  function count(added: readonly RequestRecord[]): void {
    const totals = sqliteDialect.put(tables.usage, ledger.count(added));
    for (const { sql, values } of totals) database.query(sql).run(...values);
  }

  const insertNew = database.transaction((records: readonly RequestRecord[]) => {
    addTogether(records, { one, many });
    count(records);
  });
  const insertSome = database.transaction((records: readonly RequestRecord[]) => count(addOneByOne(records, one)));

  function insertAll(records: readonly RequestRecord[]): void {
    try {
      insertNew.immediate(records);
    } catch (error) {
      if (!(error instanceof PartlyThere)) throw error;
      insertSome.immediate(records);
    }
  }

  return {
    insert(records: readonly RequestRecord[]): void {
      try {
        insertAll(records);
      } catch (error) {
        ledger.beginAnew();
        throw error;
      }
    },
    finalize(): void {
      one.finalize();
      many.finalize();
    },
  };
}

import { assignments, cutToBytes, type Dialect, insertLists, type ValueLists } from "../sql/dialect.ts";
import type { SqlValue } from "../sql/steps.ts";
import type { ColumnKind } from "../tables.ts";

/** A packet takes 16 MiB where the server was left as it came. */
const mostTextBytes = 4 * 1024 * 1024;
const mostStatementBytes = 8 * 1024 * 1024;
/** Characters of a column that can be indexed. */
const mostNameCharacters = 255;

function cutToCharacters(text: string): string {
  if (text.length <= mostNameCharacters) return text;
  const characters = Array.from(text.slice(0, mostNameCharacters * 2 + 2));
  if (characters.length <= mostNameCharacters) return text;
  return `${characters.slice(0, mostNameCharacters - 1).join("")}…`;
}

function storable(kind: ColumnKind, value: SqlValue): SqlValue {
  if (typeof value !== "string") return value;
  const text = value.toWellFormed();
  return kind === "name" ? cutToCharacters(text) : cutToBytes(text, mostTextBytes);
}

const lists: Omit<ValueLists, "onConflict"> = { sizes: [100, 10, 1], mostBytes: mostStatementBytes, storable };

export const mysqlDialect: Dialect = {
  text: (sql) => sql,
  // MariaDB reads the first comment and MySQL the second one; to the other, each is a comment.
  bounded: (sql, timeoutMs) => {
    const seconds = (timeoutMs / 1000).toFixed(3);
    const hint = `/*+ MAX_EXECUTION_TIME(${Math.ceil(timeoutMs)}) */`;
    return sql.replace(/^\s*SELECT\b/, `/*M! SET STATEMENT max_statement_time=${seconds} FOR */ SELECT ${hint}`);
  },
  // Not INSERT IGNORE: that would also pass over values that cannot be stored.
  insertNew: (table, rows) =>
    insertLists(table, rows, { ...lists, onConflict: ({ key }) => `ON DUPLICATE KEY UPDATE ${key} = ${key}` }),
  put: (table, rows) =>
    insertLists(table, rows, {
      ...lists,
      onConflict: (written) => `ON DUPLICATE KEY UPDATE ${assignments(written, (column) => `VALUES(${column})`)}`,
    }),
};

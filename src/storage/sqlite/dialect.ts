import { assignments, type Dialect, insertLists, type ValueLists } from "../sql/dialect.ts";

const lists: Omit<ValueLists, "onConflict"> = {
  // A statement costs next to nothing here, and few texts mean few prepared ones.
  sizes: [1],
  mostBytes: Number.POSITIVE_INFINITY,
  storable: (_kind, value) => value,
};

export const sqliteDialect: Dialect = {
  text: (sql) => sql,
  bounded: (sql) => sql,
  // Not INSERT OR IGNORE: that would also skip rows that break a NOT NULL in silence.
  insertNew: (table, rows) =>
    insertLists(table, rows, { ...lists, onConflict: ({ key }) => `ON CONFLICT (${key}) DO NOTHING` }),
  put: (table, rows) =>
    insertLists(table, rows, {
      ...lists,
      onConflict: (written) =>
        `ON CONFLICT (${written.key}) DO UPDATE SET ${assignments(written, (column) => `excluded.${column}`)}`,
    }),
};

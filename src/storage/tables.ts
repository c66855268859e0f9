import { requestColumns } from "./request-columns.ts";
import type { SqlValue } from "./sql/steps.ts";

/**
 * What a column holds. `name` = a short text that is compared and indexed, `text` = one of any length, `whole` and `real` =
 * numbers.
 */
export type ColumnKind = "name" | "text" | "whole" | "real";

/** A row by column names. */
export type TableRow = Readonly<Record<string, SqlValue>>;

/** A table as every engine has it; the key is one column. */
export interface Table {
  readonly name: string;
  readonly key: string;
  readonly columns: Readonly<Record<string, ColumnKind>>;
}

function kindsOf<Name extends string>(columns: Readonly<Record<Name, { kind: ColumnKind }>>): Record<Name, ColumnKind> {
  const entries = Object.entries<{ kind: ColumnKind }>(columns).map(([name, { kind }]) => [name, kind]);
  return Object.fromEntries(entries) as Record<Name, ColumnKind>;
}

export const tables = {
  requests: { name: "requests", key: "id", columns: kindsOf(requestColumns) },
  usage: {
    name: "usage_totals",
    key: "id",
    columns: {
      id: "name",
      at: "whole",
      key_id: "name",
      model: "name",
      provider: "name",
      requests: "whole",
      errors: "whole",
      tokens_input: "whole",
      tokens_cache_read: "whole",
      tokens_cache_write: "whole",
      tokens_output: "whole",
      tokens_reasoning: "whole",
      cost_usd: "real",
      bytes: "whole",
      latencies: "text",
      ttfts: "text",
    },
  },
  documents: {
    name: "documents",
    key: "path",
    columns: { path: "name", kind: "name", id: "name", version: "whole", updated_at: "whole", value: "text" },
  },
  audit: {
    name: "audit_log",
    key: "id",
    columns: {
      id: "name",
      at: "whole",
      actor: "name",
      action: "name",
      subject: "name",
      before_value: "text",
      after_value: "text",
      detail: "text",
    },
  },
  responses: {
    name: "responses",
    key: "id",
    columns: {
      id: "name",
      previous_id: "name",
      key_id: "name",
      created_at: "whole",
      bytes: "whole",
      input: "text",
      output: "text",
      response: "text",
    },
  },
} as const satisfies Readonly<Record<string, Table>>;

export type TableName = keyof typeof tables;
export const tableNames = Object.keys(tables) as readonly TableName[];

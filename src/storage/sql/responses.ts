import {
  bytesOf,
  type KeptResponse,
  keptResponse,
  type ResponseEntry,
  type ResponseTexts,
} from "../responses/response-store.ts";
import type { TableRow } from "../tables.ts";
import { idsInList, inIds } from "./dialect.ts";
import { maybeTextIn, numberIn, type SqlRow, statement, type Steps, textIn } from "./steps.ts";

/** More turns than any conversation has. */
const longestChain = 1000;

const columns = ["id", "previous_id", "key_id", "created_at", "bytes", "input", "output", "response"];
const list = columns.map((name) => `responses.${name}`).join(", ");
/** UNION, not UNION ALL: a chain that leads back to itself ends. */
const chainSql = `WITH RECURSIVE chain (id, previous_id) AS (
    SELECT id, previous_id FROM responses WHERE id = ? AND created_at >= ?
    UNION SELECT responses.id, responses.previous_id FROM responses JOIN chain ON responses.id = chain.previous_id
  ) SELECT ${list} FROM responses JOIN chain ON chain.id = responses.id LIMIT ${longestChain}`;
const sizeSql = "SELECT sum(bytes) AS bytes, min(created_at) AS oldest FROM responses";
const oldestSql = `SELECT id, created_at, bytes FROM responses ORDER BY created_at LIMIT ${idsInList}`;

export function responseRow(entry: ResponseEntry, texts: ResponseTexts): TableRow {
  const { id, previousId, keyId, createdAt } = entry;
  const { input, output, response } = texts;
  const head = { id, previous_id: previousId ?? null, key_id: keyId, created_at: createdAt };
  return { ...head, bytes: bytesOf(texts), input, output, response };
}

function responseOf(row: SqlRow): KeptResponse {
  const head = {
    id: textIn(row, "id"),
    previousId: maybeTextIn(row, "previous_id"),
    keyId: textIn(row, "key_id"),
    createdAt: numberIn(row, "created_at"),
    bytes: numberIn(row, "bytes"),
  };
  return keptResponse(head, {
    input: textIn(row, "input"),
    output: textIn(row, "output"),
    response: textIn(row, "response"),
  });
}

/** A response and all that it goes on from. */
export function* chainSteps(id: string, since: number): Steps<KeptResponse[]> {
  return (yield statement(chainSql, id, since)).rows.map(responseOf);
}

export function* deleteResponseSteps(id: string): Steps<void> {
  yield statement("DELETE FROM responses WHERE id = ?", id);
}

/** Deletes the oldest that are too old or too much, some hundreds at most; whether there may be more of them. */
export function* trimResponsesSteps({ before, maxBytes }: { before: number; maxBytes: number }): Steps<boolean> {
  const [size] = (yield statement(sizeSql)).rows;
  let excess = numberIn(size, "bytes") - maxBytes;
  if (excess <= 0 && numberIn(size, "oldest") >= before) return false;
  const { rows } = yield statement(oldestSql);
  const ids: string[] = [];
  for (const row of rows) {
    if (numberIn(row, "created_at") >= before && excess <= 0) break;
    ids.push(textIn(row, "id"));
    excess -= numberIn(row, "bytes");
  }
  if (ids.length === 0) return false;
  const { sql, values } = inIds("id", ids);
  yield statement(`DELETE FROM responses WHERE ${sql}`, ...values);
  return ids.length === rows.length;
}

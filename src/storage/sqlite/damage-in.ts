import type { Database } from "bun:sqlite";

/** What SQLite finds wrong with a file, in short; `null` = nothing. */
export function damageIn(database: Database): string | null {
  const rows = database.query<{ quick_check: string }, []>("PRAGMA quick_check(2)").all();
  const found = rows.flatMap(({ quick_check: text }) => text.split("\n")).filter((line) => !line.startsWith("***"));
  const [first, ...more] = found;
  if (first === undefined || first === "ok") return null;
  return more.length === 0 ? first : `${first}, and more`;
}

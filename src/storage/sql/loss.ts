import { keyKind, type Loss, lossKind } from "../loss.ts";
import type { Dialect } from "./dialect.ts";
import { newestVersionSteps, putSteps } from "./documents.ts";
import { statement, type Steps } from "./steps.ts";

const anySql = "SELECT path FROM documents WHERE path >= ? AND path < ? LIMIT 1";

/** Whether the database knows of keys: of some that are there, were removed, or were lost. */
export function* hadKeysSteps(): Steps<boolean> {
  for (const kind of [keyKind, lossKind]) {
    const { rows } = yield statement(anySql, `${kind}/`, `${kind}0`);
    if (rows.length > 0) return true;
  }
  return false;
}

/**
 * Writes down that this database took the place of another one; whether it did not know of keys already. In a transaction.
 */
export function* markLossSteps(loss: Loss, { dialect, now }: { dialect: Dialect; now: number }): Steps<boolean> {
  if (yield* hadKeysSteps()) return false;
  // Beyond all versions of the one before: whoever follows its changes goes on here, and misses none.
  const version = Math.max(now, yield* newestVersionSteps());
  yield statement("UPDATE counters SET value = ? WHERE name = 'documents'", version);
  yield* putSteps({ kind: lossKind, id: "database", value: { was: loss } }, { dialect, now });
  return true;
}

import type { RequestRecord } from "../../telemetry/request-record.ts";
import { type Dialect, idsInList, inIds } from "../sql/dialect.ts";
import { requestRow } from "../sql/requests.ts";
import { statement, type Steps, textIn } from "../sql/steps.ts";
import { tables } from "../tables.ts";
import { createUsageLedger } from "../usage/ledger.ts";
import type { Pool } from "./pool.ts";

/** Some of a batch were there already: the transaction is given up, and done again without them. */
class PartlyThere extends Error {}

/** A batch whose answer was lost, and that another process wrote too: after so many tries something else is wrong. */
const mostTries = 5;

function withoutRepetitions(records: readonly RequestRecord[]): RequestRecord[] {
  return [...new Map(records.map((record) => [record.id, record])).values()];
}

function* knownIdsSteps(ids: readonly string[]): Steps<Set<string>> {
  const known = new Set<string>();
  for (let at = 0; at < ids.length; at += idsInList) {
    const { sql, values } = inIds("id", ids.slice(at, at + idsInList));
    const { rows } = yield statement(`SELECT id FROM requests WHERE ${sql}`, ...values);
    for (const row of rows) known.add(textIn(row, "id"));
  }
  return known;
}

export interface InsertOptions {
  reads: Pool;
  writes: Pool;
  dialect: Dialect;
}

/**
 * What writes records and their totals in one transaction. A batch that was written before, as it is when its answer was
 * lost, changes nothing; one of which a part is there adds the rest, and only that is counted.
 */
export function createServerInsert({ reads, writes, dialect }: InsertOptions) {
  const ledger = createUsageLedger();
  /** One at a time: each says how much there is in all. */
  let turn: Promise<unknown> = Promise.resolve();

  function* insertSteps(records: readonly RequestRecord[]): Steps<void> {
    let added = 0;
    for (const step of dialect.insertNew(tables.requests, records.map(requestRow))) added += (yield step).changed;
    if (added < records.length) throw new PartlyThere();
    for (const step of dialect.put(tables.usage, ledger.count(records))) yield step;
  }

  async function tryInsert(records: readonly RequestRecord[]): Promise<void> {
    let isRepeated = false;
    try {
      await writes.write(() => {
        // Two transactions were in each other's way: this one was counted, but not written.
        if (isRepeated) ledger.beginAnew();
        isRepeated = true;
        return insertSteps(records);
      });
    } catch (error) {
      ledger.beginAnew();
      throw error;
    }
  }

  async function insert(records: readonly RequestRecord[]): Promise<void> {
    let rest = withoutRepetitions(records);
    for (let tries = 1; rest.length > 0; tries += 1) {
      try {
        await tryInsert(rest);
        return;
      } catch (error) {
        if (!(error instanceof PartlyThere) || tries === mostTries) throw error;
      }
      const known = await reads.read(() => knownIdsSteps(rest.map(({ id }) => id)));
      rest = rest.filter(({ id }) => !known.has(id));
    }
  }

  return (records: readonly RequestRecord[]): Promise<void> => {
    const inserting = turn.then(() => insert(records));
    turn = inserting.catch(() => undefined);
    return inserting;
  };
}

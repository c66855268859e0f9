import type { RequestRecord } from "../../telemetry/request-record.ts";
import { keyTotalsSteps } from "../sql/key-totals.ts";
import { listSteps } from "../sql/request-list.ts";
import { deleteTotalsSteps } from "../sql/old-totals.ts";
import { boundarySteps, deleteBeforeSteps, findSteps, sizeSteps } from "../sql/requests.ts";
import { statisticsSteps } from "../sql/statistics.ts";
import type { RequestStore } from "../store.ts";
import type { Use } from "./connection.ts";

interface SqliteRequestsOptions {
  use: Use;
  insert: (records: readonly RequestRecord[]) => void;
  now: () => number;
}

/** Answers at once: the event loop stands still meanwhile, so everything here is short. */
export function sqliteRequests({ use, insert, now }: SqliteRequestsOptions): RequestStore {
  return {
    insert,
    find: (id) => use((file) => file.read(findSteps(id))),
    last: () => use((file) => file.last()),
    statistics: (query) => use((file) => file.read(statisticsSteps(query, now()))),
    keyTotals: (key, since) => use((file) => file.read(keyTotalsSteps(key, since))),
    list: (query) => use((file) => file.read(listSteps(query))),
    deleteBefore: (instant) => use((file) => file.write(deleteBeforeSteps(instant))),
    deleteTotalsBefore: (instant) => use((file) => file.write(deleteTotalsSteps(instant))),
    size: () => use((file) => file.read(sizeSteps())),
    boundaryOf: (maxBytes) => use((file) => file.read(boundarySteps(maxBytes, now()))),
  };
}

import type { RequestRecord } from "../../telemetry/request-record.ts";
import { keyTotalsSteps } from "../sql/key-totals.ts";
import { listSteps } from "../sql/request-list.ts";
import { deleteTotalsSteps } from "../sql/old-totals.ts";
import { boundarySteps, deleteBeforeSteps, findSteps, sizeSteps } from "../sql/requests.ts";
import { statisticsSteps } from "../sql/statistics.ts";
import type { RequestStore } from "../store.ts";
import type { Connection } from "./connection.ts";

interface SqliteRequestsOptions {
  current: () => Connection;
  insert: (records: readonly RequestRecord[]) => void;
  now: () => number;
}

/** Answers at once: the event loop stands still meanwhile, so everything here is short. */
export function sqliteRequests({ current, insert, now }: SqliteRequestsOptions): RequestStore {
  return {
    insert,
    find: (id) => current().read(findSteps(id)),
    last: () => current().last(),
    statistics: (query) => current().read(statisticsSteps(query, now())),
    keyTotals: (key, since) => current().read(keyTotalsSteps(key, since)),
    list: (query) => current().read(listSteps(query)),
    deleteBefore: (instant) => current().write(deleteBeforeSteps(instant)),
    deleteTotalsBefore: (instant) => current().write(deleteTotalsSteps(instant)),
    size: () => current().read(sizeSteps()),
    boundaryOf: (maxBytes) => current().read(boundarySteps(maxBytes, now())),
  };
}

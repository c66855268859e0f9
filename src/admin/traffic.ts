import { invalidRequest } from "../errors.ts";
import { shownUsd } from "../lib/shown-usd.ts";
import type {
  Maybe,
  RequestPage,
  RequestQuery,
  RequestStore,
  StatisticsQuery,
  StatisticsRow,
} from "../storage/store.ts";
import { recordStatistics } from "../storage/tallies.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { outOfReach } from "./out-of-reach.ts";

/** Finished requests and what they sum up to: of the database where there is one, else of memory. */
export interface Traffic {
  readonly source: "database" | "memory";
  /** Rejects with GatewayError: 400 for a cursor that is none, 503 when the store is out of reach. */
  page(query: RequestQuery): Promise<RequestPage>;
  /** Money as it is told, for nobody adds it up any more. */
  statistics(query: StatisticsQuery): Promise<StatisticsRow[]>;
}

/** The last requests, in this process's memory or in that of its parent. */
export interface NewestRequests {
  readonly capacity: number;
  newest(limit: number, matches: (record: RequestRecord) => boolean): Maybe<readonly RequestRecord[]>;
}

export interface TrafficOptions {
  readonly ring: NewestRequests;
  readonly store: Pick<RequestStore, "list" | "statistics"> | undefined;
}

function fits(record: RequestRecord, { since = 0, model, status, key, provider }: RequestQuery): boolean {
  if (record.startedAt < since) return false;
  if (model !== undefined && record.modelAsked !== model && record.modelServed !== model) return false;
  if (status !== undefined && record.status !== status) return false;
  if (key !== undefined && record.keyId !== key) return false;
  return provider === undefined || record.provider === provider;
}

/** Those behind the request that the page before ended with. */
async function pageOfRing({ ring }: TrafficOptions, query: RequestQuery): Promise<RequestPage> {
  const { limit, cursor } = query;
  let isBehind = cursor === undefined;
  const found = await ring.newest(limit + 1, (record) => {
    if (isBehind) return fits(record, query);
    isBehind = record.id === cursor;
    return false;
  });
  if (!isBehind)
    throw invalidRequest("cursor names no request that is still in memory; begin anew without it.", "cursor");
  const requests = found.slice(0, limit);
  return { requests, cursor: found.length > limit ? requests.at(-1)?.id : undefined };
}

export function createTraffic(options: TrafficOptions): Traffic {
  const { ring, store } = options;

  async function counted(query: StatisticsQuery): Promise<StatisticsRow[]> {
    if (store === undefined) return recordStatistics(await ring.newest(ring.capacity, () => true), query);
    try {
      return await store.statistics(query);
    } catch (error) {
      throw outOfReach(error);
    }
  }

  return {
    source: store === undefined ? "memory" : "database",
    async page(query) {
      if (store === undefined) return pageOfRing(options, query);
      try {
        return await store.list(query);
      } catch (error) {
        throw outOfReach(error);
      }
    },
    async statistics(query) {
      return (await counted(query)).map((row) => ({ ...row, costUsd: shownUsd(row.costUsd) }));
    },
  };
}

import type { Dialect } from "../sql/dialect.ts";
import { documentsAndAudit } from "../sql/documents-and-audit.ts";
import { keyTotalsSteps } from "../sql/key-totals.ts";
import { listSteps } from "../sql/request-list.ts";
import { deleteTotalsSteps } from "../sql/old-totals.ts";
import { boundarySteps, deleteBeforeSteps, findSteps, lastSteps, sizeSteps } from "../sql/requests.ts";
import { statisticsSteps } from "../sql/statistics.ts";
import type { Steps } from "../sql/steps.ts";
import type { Store } from "../store.ts";
import { createServerInsert } from "./insert.ts";
import { migrateServer, type Schema } from "./migrate.ts";
import type { Pool } from "./pool.ts";
import { createReadiness } from "./readiness.ts";
import { openServerResponses } from "./responses.ts";

/** A database server and how to speak with it. */
export interface Server {
  /** Apart from writing, so that a slow question never keeps records waiting. */
  readonly reads: Pool;
  readonly writes: Pool;
  readonly dialect: Dialect;
  readonly schema: Schema;
  /** As it is shown. */
  readonly address: string;
}

export interface ServerStoreOptions {
  /** The server went away, or came back. */
  onWarning: (message: string) => void;
  now?: () => number;
}

/**
 * A store on a database server. It is opened without waiting for the server: a server that is down makes its calls reject,
 * and is used again with the first call after its return.
 */
export function openServerStore(server: Server, { onWarning, now = Date.now }: ServerStoreOptions): Store {
  const { reads, writes, dialect, schema, address } = server;
  const prepare = () => migrateServer(writes, { schema, address });
  const readiness = createReadiness({ prepare, address, onWarning });
  const insert = createServerInsert({ reads, writes, dialect });
  const read = <Answer>(steps: () => Steps<Answer>) => readiness.use(() => reads.read(steps));
  const write = <Answer>(steps: () => Steps<Answer>) => readiness.use(() => writes.write(steps));

  return {
    requests: {
      insert: (records) => readiness.use(() => insert(records)),
      find: (id) => read(() => findSteps(id)),
      last: () => read(lastSteps),
      statistics: (query) => read(() => statisticsSteps(query, now())),
      keyTotals: (key, since) => read(() => keyTotalsSteps(key, since)),
      list: (query) => read(() => listSteps(query)),
      deleteBefore: (instant) => write(() => deleteBeforeSteps(instant)),
      deleteTotalsBefore: (instant) => write(() => deleteTotalsSteps(instant)),
      size: () => read(sizeSteps),
      boundaryOf: (maxBytes) => read(() => boundarySteps(maxBytes, now())),
    },
    ...documentsAndAudit({ read, write, dialect, now }),
    responses: (options) => openServerResponses({ read, write, dialect }, options),
    ready: (waitMs) => readiness.within(waitMs),
    isUp: () => readiness.isUp(),
    async close() {
      await Promise.all([reads.close(), writes.close()]);
    },
  };
}

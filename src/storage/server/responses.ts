import { createFarResponseStore } from "../responses/far.ts";
import type { ResponseStore, ResponseStoreOptions } from "../responses/response-store.ts";
import type { Dialect } from "../sql/dialect.ts";
import { chainSteps, deleteResponseSteps, responseRow, trimResponsesSteps } from "../sql/responses.ts";
import type { Steps } from "../sql/steps.ts";
import { tables } from "../tables.ts";

interface Database {
  read: <Answer>(steps: () => Steps<Answer>) => Promise<Answer>;
  write: <Answer>(steps: () => Steps<Answer>) => Promise<Answer>;
  dialect: Dialect;
}

const defaultBytes = 1024 * 1024 * 1024;
const defaultTtlMs = 30 * 24 * 60 * 60 * 1000;
const trimMs = 60_000;
const mostChunks = 20;

/** Responses on a database server. */
export function openServerResponses({ read, write, dialect }: Database, options: ResponseStoreOptions): ResponseStore {
  const { maxBytes = defaultBytes, ttlMs = defaultTtlMs, now = Date.now } = options;
  let trimmedAt = 0;

  function* saveSteps(row: ReturnType<typeof responseRow>): Steps<void> {
    for (const step of dialect.insertNew(tables.responses, [row])) yield step;
  }

  async function trim(): Promise<void> {
    if (now() - trimmedAt < trimMs) return;
    trimmedAt = now();
    for (let chunk = 0; chunk < mostChunks; chunk += 1) {
      if (!(await write(() => trimResponsesSteps({ before: now() - ttlMs, maxBytes })))) return;
    }
  }

  return createFarResponseStore(
    {
      async write(entry, texts) {
        await write(() => saveSteps(responseRow(entry, texts)));
        await trim();
      },
      read: (id) => read(() => chainSteps(id, now() - ttlMs)),
      async remove(id) {
        await write(() => deleteResponseSteps(id));
      },
    },
    { ...options, maxBytes },
  );
}

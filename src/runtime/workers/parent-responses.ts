import type { Dialogue } from "../../lib/dialogue.ts";
import { createMemoryResponseStore } from "../../storage/responses/memory.ts";
import type { ResponseEntry, ResponseStore } from "../../storage/responses/response-store.ts";
import type { WorkerSpeech } from "./speech.ts";

/** What was brought is at hand for so long: the request that it was brought for looks at it at once. */
const nearMs = 60_000;
const timeoutMs = 2000;

/** Responses in the parent's memory, as a worker sees them. */
export function createParentResponses(
  parent: Dialogue<WorkerSpeech>,
  { maxBytes }: { maxBytes: number },
): ResponseStore {
  const near = createMemoryResponseStore({ maxBytes, ttlMs: nearMs });

  async function bringOne(id: string): Promise<void> {
    const entries = await parent.ask("responses", id, { timeoutMs });
    // Another worker may have deleted it meanwhile.
    near.delete(id);
    for (const entry of entries) near.save(entry);
  }

  return {
    save: (entry) => parent.tell("keepResponse", entry),
    find: (id) => near.find(id),
    async bring(ids) {
      // What cannot be brought is not there.
      await Promise.allSettled(ids.map(bringOne));
    },
    async delete(id) {
      near.delete(id);
      await parent.ask("forgetResponse", id, { timeoutMs });
    },
    close: () => near.close(),
  };
}

/** Longer histories are nobody's. */
const mostEntries = 1000;

/** A response and all that it goes on from, as plain data. */
export function chainOf(store: ResponseStore | undefined, id: string): ResponseEntry[] {
  const chain = new Map<string, ResponseEntry>();
  for (let next: string | undefined = id; next !== undefined && !chain.has(next) && chain.size < mostEntries;) {
    const entry: ResponseEntry | undefined = store?.find(next);
    if (entry === undefined) break;
    const { previousId, keyId, input, output, response, createdAt }: ResponseEntry = entry;
    chain.set(next, { id: next, previousId, keyId, input, output, response, createdAt });
    next = previousId;
  }
  return [...chain.values()];
}

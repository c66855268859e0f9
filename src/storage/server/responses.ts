import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../lib/error-text.ts";
import { createMemoryResponseStore } from "../responses/memory.ts";
import {
  bytesOf,
  type KeptResponse,
  type ResponseEntry,
  type ResponseStore,
  type ResponseStoreOptions,
  type ResponseTexts,
  textsOf,
} from "../responses/response-store.ts";
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

/** What was brought or written is at hand for so long: another replica may have deleted it meanwhile. */
const nearMs = 2 * 60 * 1000;
const nearBytes = 64 * 1024 * 1024;
/** The engines cut longer texts, and a cut one is no JSON. */
const mostTextBytes = 4 * 1024 * 1024;
/** Waiting to be written, while the server is away. */
const mostWaiting = 200;
const mostWaitingBytes = 32 * 1024 * 1024;
const retryMs = 1000;
const trimMs = 60_000;
const mostChunks = 20;
const closeMs = 1000;

/** Bytes of the longest of them. */
function longestOf({ input, output, response }: ResponseTexts): number {
  return Math.max(Buffer.byteLength(input), Buffer.byteLength(output), Buffer.byteLength(response));
}

interface Waiting {
  readonly entry: ResponseEntry;
  readonly texts: ResponseTexts;
}

/** Responses on a database server: written behind the answer, and brought near before a request needs them. */
export function openServerResponses(
  { read, write, dialect }: Database,
  { maxBytes = defaultBytes, ttlMs = defaultTtlMs, now = Date.now, onWarning = () => undefined }: ResponseStoreOptions,
): ResponseStore {
  const near = createMemoryResponseStore({ maxBytes: Math.min(nearBytes, maxBytes), ttlMs: nearMs, now });
  /** In the order they are written in. */
  const waiting = new Map<string, Waiting>();
  let writing: Promise<void> | undefined;
  let trimmedAt = 0;
  let isClosed = false;

  function* saveSteps({ entry, texts }: Waiting): Steps<void> {
    for (const step of dialect.insertNew(tables.responses, [responseRow(entry, texts)])) yield step;
  }

  async function trim(): Promise<void> {
    if (now() - trimmedAt < trimMs) return;
    trimmedAt = now();
    for (let chunk = 0; chunk < mostChunks; chunk += 1) {
      if (!(await write(() => trimResponsesSteps({ before: now() - ttlMs, maxBytes })))) return;
    }
  }

  async function writeFirst(first: Waiting): Promise<void> {
    try {
      await write(() => saveSteps(first));
      waiting.delete(first.entry.id);
      await trim();
    } catch (error) {
      onWarning(`A response cannot be written: ${errorText(error)}`);
      if (isPassing(error) && !isClosed) await sleep(retryMs, undefined, { ref: false });
      else waiting.delete(first.entry.id);
    }
  }

  async function writeWaiting(): Promise<void> {
    for (;;) {
      const [first] = waiting.values();
      if (first === undefined) break;
      await writeFirst(first);
    }
    writing = undefined;
  }

  function makeRoom(): void {
    let bytes = [...waiting.values()].reduce((sum, { texts }) => sum + bytesOf(texts), 0);
    for (const [id, { texts }] of waiting) {
      if (waiting.size <= mostWaiting && bytes <= mostWaitingBytes) return;
      waiting.delete(id);
      bytes -= bytesOf(texts);
    }
  }

  async function bringOne(id: string): Promise<void> {
    if (isNear(id)) return;
    try {
      for (const entry of await read(() => chainSteps(id, now() - ttlMs))) near.save(entry);
    } catch (error) {
      onWarning(`A response cannot be read: ${errorText(error)}`);
    }
  }

  /** Whether it and all that it goes on from are at hand. */
  function isNear(id: string): boolean {
    const seen = new Set<string>();
    for (let next: string | undefined = id; next !== undefined && !seen.has(next);) {
      seen.add(next);
      const entry: KeptResponse | undefined = near.find(next);
      if (entry === undefined) return false;
      next = entry.previousId;
    }
    return true;
  }

  return {
    save(entry) {
      const texts = textsOf(entry);
      if (texts === undefined || longestOf(texts) > mostTextBytes || isClosed) return;
      near.save(entry);
      waiting.set(entry.id, { entry, texts });
      makeRoom();
      writing ??= writeWaiting();
    },
    find: (id) => near.find(id),
    async bring(ids) {
      for (const id of ids) await bringOne(id);
    },
    async delete(id) {
      near.delete(id);
      waiting.delete(id);
      await write(() => deleteResponseSteps(id));
    },
    async close() {
      isClosed = true;
      await Promise.race([writing, sleep(closeMs, undefined, { ref: false })]);
      waiting.clear();
    },
  };
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}

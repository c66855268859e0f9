import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../lib/error-text.ts";
import { within } from "../../lib/within.ts";
import { createMemoryResponseStore } from "./memory.ts";
import {
  bytesOf,
  type KeptResponse,
  type ResponseEntry,
  type ResponseStore,
  type ResponseStoreOptions,
  type ResponseTexts,
  textsOf,
} from "./response-store.ts";

/** Where responses are, behind a network. All reject where it cannot be reached; `retryable` = time may mend it. */
export interface FarResponses {
  /** An id that is there already is left as it is, or written again as it was. */
  write(entry: ResponseEntry, texts: ResponseTexts): Promise<void>;
  /** A response and all that it goes on from, as far as they are there. */
  read(id: string): Promise<readonly KeptResponse[]>;
  remove(id: string): Promise<void>;
}

type FarOptions = Pick<ResponseStoreOptions, "maxBytes" | "now" | "onWarning">;

/** What was brought or written is at hand for so long: another replica may have deleted it meanwhile. */
const nearMs = 2 * 60 * 1000;
const nearBytes = 64 * 1024 * 1024;
/** The engines cut longer texts, and a cut one is no JSON. */
const mostTextBytes = 4 * 1024 * 1024;
/** Waiting to be written, while the server is away. */
const mostWaiting = 200;
const mostWaitingBytes = 32 * 1024 * 1024;
const retryMs = 1000;
const closeMs = 1000;

/** Bytes of the longest of them. */
function longestOf({ input, output, response }: ResponseTexts): number {
  return Math.max(Buffer.byteLength(input), Buffer.byteLength(output), Buffer.byteLength(response));
}

interface Waiting {
  readonly entry: ResponseEntry;
  readonly texts: ResponseTexts;
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}

/** Responses behind a network: written behind the answer, and brought near before a request needs them. */
export function createFarResponseStore(
  far: FarResponses,
  { maxBytes = nearBytes, now = Date.now, onWarning = () => undefined }: FarOptions,
): ResponseStore {
  const near = createMemoryResponseStore({ maxBytes: Math.min(nearBytes, maxBytes), ttlMs: nearMs, now });
  /** In the order they are written in. */
  const waiting = new Map<string, Waiting>();
  let writing: Promise<void> | undefined;
  let isClosed = false;

  async function writeFirst(first: Waiting): Promise<void> {
    try {
      await far.write(first.entry, first.texts);
      waiting.delete(first.entry.id);
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
      for (const entry of await far.read(id)) near.save(entry);
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
      if (texts === undefined || bytesOf(texts) > maxBytes || longestOf(texts) > mostTextBytes || isClosed) return;
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
      await far.remove(id);
    },
    async close() {
      isClosed = true;
      await within(closeMs, Promise.resolve(writing));
      waiting.clear();
    },
  };
}

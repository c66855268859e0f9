import {
  bytesOf,
  keptResponse,
  textsOf,
  type KeptResponse,
  type NearResponseStore,
  type ResponseTexts,
} from "./response-store.ts";

export interface MemoryResponseStoreOptions {
  /** Default 64 MiB. */
  maxBytes?: number;
  /** How long an entry is kept after it was last looked at; default one hour. */
  ttlMs?: number;
  now?: () => number;
}

interface Slot {
  entry: KeptResponse;
  usedAt: number;
}

const defaultBytes = 64 * 1024 * 1024;
const defaultTtlMs = 60 * 60 * 1000;

/** Texts as UTF-8: as strings those with one emoji would take two bytes a character. */
function packed({ input, output, response }: ResponseTexts): ResponseTexts {
  const bytes = { input: Buffer.from(input), output: Buffer.from(output), response: Buffer.from(response) };
  return {
    get input() {
      return bytes.input.toString();
    },
    get output() {
      return bytes.output.toString();
    },
    get response() {
      return bytes.response.toString();
    },
  };
}

/** Keeps responses as long as the process lives. A look at one makes it young again, so a conversation that goes on stays whole. */
export function createMemoryResponseStore({
  maxBytes = defaultBytes,
  ttlMs = defaultTtlMs,
  now = Date.now,
}: MemoryResponseStoreOptions = {}): NearResponseStore {
  /** Those that were looked at last stand at the end. */
  const slots = new Map<string, Slot>();
  let total = 0;

  function drop(id: string): void {
    const slot = slots.get(id);
    if (slot === undefined) return;
    slots.delete(id);
    total -= slot.entry.bytes;
  }

  function dropOld(needed: number): void {
    const expired = now() - ttlMs;
    for (const [id, { usedAt }] of slots) {
      if (usedAt >= expired && total + needed <= maxBytes) return;
      drop(id);
    }
  }

  return {
    save(entry) {
      const written = textsOf(entry);
      if (written === undefined || slots.has(entry.id)) return;
      const bytes = bytesOf(written);
      if (bytes > maxBytes) return;
      dropOld(bytes);
      const { id, previousId, keyId, createdAt } = entry;
      const head = { id, previousId, keyId, createdAt, bytes };
      slots.set(id, { entry: keptResponse(head, packed(written)), usedAt: now() });
      total += bytes;
    },
    find(id) {
      const slot = slots.get(id);
      if (slot === undefined) return undefined;
      const time = now();
      if (slot.usedAt < time - ttlMs) {
        drop(id);
        return undefined;
      }
      slots.delete(id);
      slot.usedAt = time;
      slots.set(id, slot);
      return slot.entry;
    },
    delete: drop,
    close() {
      slots.clear();
      total = 0;
    },
  };
}

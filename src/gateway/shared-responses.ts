import { z } from "zod";
import type { Coordinator } from "../coordination/coordinator.ts";
import { createFarResponseStore } from "../storage/responses/far.ts";
import {
  bytesOf,
  type KeptResponse,
  keptResponse,
  type ResponseStore,
  type ResponseStoreOptions,
} from "../storage/responses/response-store.ts";

const schema = z.object({
  previousId: z.string().optional(),
  keyId: z.string(),
  createdAt: z.number(),
  input: z.string(),
  output: z.string(),
  response: z.string(),
});

/** As long as a conversation may pause. */
const ttlMs = 24 * 60 * 60 * 1000;
/** More turns than any conversation has. */
const longestChain = 1000;

function keyOf(id: string): string {
  return `response:${id}`;
}

function readEntry(id: string, text: string | undefined): KeptResponse | undefined {
  if (text === undefined || text === "") return undefined;
  const { previousId, keyId, createdAt, ...texts } = schema.parse(JSON.parse(text));
  return keptResponse({ id, previousId, keyId, createdAt, bytes: bytesOf(texts) }, texts);
}

/** Responses of several gateways that have no database server in common, for a day. */
export function createSharedResponses(
  coordinator: Pick<Coordinator, "get" | "set">,
  options: Pick<ResponseStoreOptions, "maxBytes" | "onWarning">,
): ResponseStore {
  return createFarResponseStore(
    {
      write({ id, previousId, keyId, createdAt }, texts) {
        return coordinator.set(keyOf(id), JSON.stringify({ previousId, keyId, createdAt, ...texts }), ttlMs);
      },
      async read(id) {
        const chain = new Map<string, KeptResponse>();
        for (let next: string | undefined = id; next !== undefined && !chain.has(next);) {
          const entry: KeptResponse | undefined = readEntry(next, await coordinator.get(keyOf(next)));
          if (entry === undefined || chain.size >= longestChain) break;
          chain.set(next, entry);
          next = entry.previousId;
        }
        return [...chain.values()];
      },
      remove: (id) => coordinator.set(keyOf(id), "", 1),
    },
    options,
  );
}

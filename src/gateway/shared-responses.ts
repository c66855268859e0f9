import { z } from "zod";
import type { Coordinator } from "../coordination/coordinator.ts";
import { createFarResponseStore } from "../storage/responses/far.ts";
import {
  bytesOf,
  type KeptResponse,
  keptResponse,
  type ResponseEntry,
  type ResponseStore,
  type ResponseStoreOptions,
  type ResponseTexts,
} from "../storage/responses/response-store.ts";

const headSchema = z.object({ previousId: z.string().optional(), keyId: z.string(), createdAt: z.number() });
const linesSchema = z.tuple([z.string(), z.string(), z.string(), z.string()]);

/** As long as a conversation may pause. */
const ttlMs = 24 * 60 * 60 * 1000;
/** More turns than any conversation has. */
const longestChain = 1000;
const shelf = "responses";
/** Unless `maxBytes` says something else. */
const defaultBytes = 64 * 1024 * 1024;

/** Four lines: no JSON text has a line break in it, and inside another one it would be longer. */
function writeEntry({ previousId, keyId, createdAt }: ResponseEntry, texts: ResponseTexts): string {
  const { input, output, response } = texts;
  return [JSON.stringify({ previousId, keyId, createdAt }), input, output, response].join("\n");
}

function readEntry(id: string, text: string): KeptResponse {
  const [head, input, output, response] = linesSchema.parse(text.split("\n"));
  const { previousId, keyId, createdAt } = headSchema.parse(JSON.parse(head));
  const texts = { input, output, response };
  return keptResponse({ id, previousId, keyId, createdAt, bytes: bytesOf(texts) }, texts);
}

/** Responses of several gateways that have no database server in common, for a day and up to so many bytes of them all. */
export function createSharedResponses(
  coordinator: Pick<Coordinator, "decide">,
  options: Pick<ResponseStoreOptions, "maxBytes" | "onWarning">,
): ResponseStore {
  const { maxBytes = defaultBytes } = options;

  async function put(id: string, text: string): Promise<void> {
    await coordinator.decide("shelf.put", { shelf, id, text, ttlMs, maxBytes });
  }

  return createFarResponseStore(
    {
      write: (entry, texts) => put(entry.id, writeEntry(entry, texts)),
      async read(id) {
        const chain = new Map<string, KeptResponse>();
        for (let next: string | undefined = id; next !== undefined && !chain.has(next);) {
          const { text } = await coordinator.decide("shelf.get", { shelf, id: next });
          if (text === undefined || chain.size >= longestChain) break;
          const entry = readEntry(next, text);
          chain.set(next, entry);
          next = entry.previousId;
        }
        return [...chain.values()];
      },
      remove: (id) => put(id, ""),
    },
    { ...options, maxBytes },
  );
}

import type { KeptResponse, ResponseStore } from "./response-store.ts";

/** More turns than any conversation has, and more bytes than any model reads. */
const longestChain = 1000;
const mostBytes = 64 * 1024 * 1024;

/**
 * Everything that was said up to a response: input and output items of the whole chain, the oldest first. `undefined` when
 * a link is missing, belongs to another key, or the chain is longer than any true one.
 */
export function historyOf(store: ResponseStore, previousId: string, keyId: string): unknown[] | undefined {
  const chain = new Map<string, KeptResponse>();
  let bytes = 0;
  for (let id: string | undefined = previousId; id !== undefined;) {
    // Its own ancestor: nothing the gateway writes, but the database is a file.
    if (chain.has(id) || chain.size === longestChain) return undefined;
    const entry: KeptResponse | undefined = store.find(id);
    if (entry === undefined || entry.keyId !== keyId) return undefined;
    bytes += entry.bytes;
    if (bytes > mostBytes) return undefined;
    chain.set(id, entry);
    id = entry.previousId;
  }
  return [...chain.values()].reverse().flatMap(({ input, output }) => [...input, ...output]);
}

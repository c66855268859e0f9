import { openStore } from "../../src/storage/engines.ts";
import type { Store } from "../../src/storage/store.ts";

/** One database as two gateways have it. */
export async function openTwice(url: string): Promise<readonly [Store, Store]> {
  const stores = [
    openStore({ url, onWarning: () => undefined }),
    openStore({ url, onWarning: () => undefined }),
  ] as const;
  for (const store of stores) if (!(await store.ready(20_000))) throw new Error(`${url} cannot be used`);
  return stores;
}

import type { VirtualKeys } from "../admin/virtual-keys.ts";
import type { Store } from "../storage/store.ts";
import type { Lasting } from "./lasting.ts";

const databaseWaitMs = 3000;

type Reached = Pick<Lasting, "database" | "virtualKeys" | "coordination">;

async function loadKeys(database: Store, virtualKeys: VirtualKeys | undefined): Promise<void> {
  if (await database.ready(databaseWaitMs)) await virtualKeys?.look();
}

/** See `Lasting.ready`. */
export function becomeReady({ database, virtualKeys, coordination }: Reached): Promise<void> | undefined {
  if (coordination === undefined) return database && loadKeys(database, virtualKeys);
  const loaded = database && loadKeys(database, virtualKeys);
  return Promise.all([loaded, coordination.ready()]).then(() => undefined);
}

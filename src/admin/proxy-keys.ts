import type { By } from "./audit-trail.ts";
import type { Page } from "./contract/fields.ts";
import type { ProxyKeyCreate, ProxyKeyUpdate, ProxyKeyView } from "./contract/groups.ts";
import type { KeyView } from "./contract/keys.ts";
import type { Keys } from "./keys.ts";

/** Virtual keys under the names that OrchestrationApi has for them and theirs. Calls reject with GatewayError. */
export interface ProxyKeys {
  page(query: { limit: number; cursor?: string | undefined }): Page<ProxyKeyView>;
  create(input: ProxyKeyCreate, by: By): Promise<ProxyKeyView & { key: string }>;
  /** What is left out stays. */
  update(id: string, input: ProxyKeyUpdate, by: By): Promise<ProxyKeyView>;
  remove(id: string, by: By): Promise<void>;
}

function viewOf({ id, name, prefix, rpm = 0, enabled, createdAt }: KeyView): ProxyKeyView {
  return { id, name, prefix, rpm, enabled, createdAt };
}

/** 0 = not bounded. */
function boundOf({ rpm }: { rpm?: number | undefined }): { rpm?: number | null } {
  return rpm === undefined ? {} : { rpm: rpm === 0 ? null : rpm };
}

export function createProxyKeys(keys: Keys): ProxyKeys {
  return {
    page(query) {
      const { data, cursor } = keys.page(query);
      return { data: data.map(viewOf), cursor };
    },
    async create(input, by) {
      const issued = await keys.create({ ...input, ...boundOf(input) }, by);
      return { ...viewOf(issued), key: issued.key };
    },
    update: async (id, input, by) => viewOf(await keys.patch(id, { ...input, ...boundOf(input) }, by)),
    remove: (id, by) => keys.remove(id, by),
  };
}

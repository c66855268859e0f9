import { createIdentity, type Identity } from "../admin/identity/identity.ts";
import type { VirtualKeys } from "../admin/virtual-keys.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import type { Coordinator } from "../coordination/coordinator.ts";
import type { SecretBox } from "../keys/secret-box.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";

export interface IdentityParts {
  /** As configured now. */
  readonly settings: () => ResolvedConfig["admin"];
  readonly database: Store | undefined;
  readonly virtualKeys: VirtualKeys | undefined;
  readonly secrets: SecretBox | undefined;
  /** What is counted together with others is counted here; `undefined` = there are none. */
  readonly coordinator: Coordinator | undefined;
  /** This process is one of several workers. */
  readonly isWorker: boolean;
  readonly logger: Logger;
}

/** Users and sessions, beside the virtual keys in the database where there is one. */
export function identityOf(parts: IdentityParts): Identity {
  const { settings, database, virtualKeys, secrets, coordinator, isWorker, logger } = parts;
  const store = database &&
    virtualKeys && {
      documents: database.documents,
      trail: virtualKeys.admin.trail,
      look: () => virtualKeys.look(),
    };
  const isScattered = isWorker && store === undefined;
  return createIdentity({ settings, store, secrets, coordinator, isScattered, log: logger });
}

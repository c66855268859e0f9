import { type Access, type AccessOptions, createAccess } from "../../src/http/access.ts";
import { createConnections } from "../../src/http/connections.ts";
import { createKeyRing } from "../../src/keys/key-ring.ts";

interface KeysOf {
  readonly admin: readonly string[];
  readonly inbound?: readonly string[];
}

/** Access by keys alone, with nothing of a configuration but what is said here. */
export function keyAccess({ admin, inbound = [] }: KeysOf, changes: Partial<AccessOptions> = {}): Access {
  return createAccess({
    anonymous: "all",
    cors: [],
    overrides: "none",
    keyHeader: "x-api-key",
    inboundKeys: createKeyRing([...inbound]),
    adminKeys: createKeyRing([...admin]),
    connections: createConnections(10),
    ...changes,
  });
}

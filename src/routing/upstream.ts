import { readFileSync } from "node:fs";
import type { ResolvedProvider } from "../config/resolve.ts";
import type { ProtocolId } from "../protocols/protocol.ts";
import type { Provider } from "../providers/provider.ts";
import { providers } from "../providers/registry.ts";
import { destinationOf, type Destination } from "../transport/destination.ts";
import { createCredentialPool, type CredentialPool } from "./credential-pool.ts";

/** A configured provider, ready to be called. */
export interface Upstream {
  readonly name: string;
  readonly provider: Provider;
  readonly config: ResolvedProvider;
  readonly credentials: CredentialPool;
  /** PEM text of `config.ca`. */
  readonly ca: string | undefined;
  /** Where requests of a protocol go. */
  destination(protocol: ProtocolId): Destination;
}

export function createUpstream(name: string, config: ResolvedProvider): Upstream {
  const provider = providers[config.type];
  const destinations = new Map<ProtocolId, Destination>();
  return {
    name,
    provider,
    config,
    credentials: createCredentialPool(config.credentials),
    ca: config.ca === undefined ? undefined : readFileSync(config.ca, "utf8"),
    destination(protocol) {
      let destination = destinations.get(protocol);
      if (destination === undefined) {
        destination = destinationOf(provider.endpoint(config.baseUrl, protocol));
        destinations.set(protocol, destination);
      }
      return destination;
    },
  };
}

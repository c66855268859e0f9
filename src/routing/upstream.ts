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
  destination(call: { protocol: ProtocolId; model: string; stream: boolean }): Destination;
}

/** Clients choose model names where any is taken: their number has no other bound. */
const mostDestinations = 1000;

export function createUpstream(name: string, config: ResolvedProvider): Upstream {
  const provider = providers[config.type];
  const destinations = new Map<string, Destination>();
  return {
    name,
    provider,
    config,
    credentials: createCredentialPool(config.credentials),
    ca: config.ca === undefined ? undefined : readFileSync(config.ca, "utf8"),
    destination({ protocol, model, stream }) {
      const key = `${protocol} ${stream} ${model}`;
      let destination = destinations.get(key);
      if (destination === undefined) {
        const { baseUrl, apiVersion } = config;
        destination = destinationOf(provider.endpoint({ baseUrl, apiVersion, protocol, model, stream }));
        if (destinations.size >= mostDestinations) destinations.clear();
        destinations.set(key, destination);
      }
      return destination;
    },
  };
}

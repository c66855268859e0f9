import { readFileSync } from "node:fs";
import type { ResolvedProvider } from "../config/resolve.ts";
import type { Scope } from "../limits/limiter.ts";
import type { ProtocolId } from "../protocols/protocol.ts";
import type { Provider } from "../providers/provider.ts";
import { providers } from "../providers/registry.ts";
import { destinationOf, type Destination } from "../transport/destination.ts";
import type { CredentialPool } from "./credential.ts";
import type { HealthRegistry } from "./health/health.ts";
import { limitScope } from "./limit-scope.ts";

/** A configured provider, ready to be called. */
export interface Upstream {
  readonly name: string;
  readonly provider: Provider;
  readonly config: ResolvedProvider;
  readonly credentials: CredentialPool;
  /** Its own limits; `undefined` = none. */
  readonly scope: Scope | undefined;
  /** PEM text of `config.ca`. */
  readonly ca: string | undefined;
  /** Where requests of a protocol go. */
  destination(call: { protocol: ProtocolId; model: string; stream: boolean }): Destination;
}

/** Clients choose model names where any is taken: their number has no other bound. */
const mostDestinations = 1000;

export function createUpstream(name: string, config: ResolvedProvider, health: HealthRegistry): Upstream {
  const provider = providers[config.type];
  const ca = config.ca === undefined ? undefined : readFileSync(config.ca, "utf8");
  const destinations = new Map<string, Destination>();
  return {
    name,
    provider,
    config,
    credentials: health.poolOf(name, config),
    scope: limitScope({ kind: "provider", id: name }, config),
    ca,
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

import { readFileSync } from "node:fs";
import type { ResolvedProvider } from "../config/resolve.ts";
import type { Provider } from "../providers/provider.ts";
import { providers } from "../providers/registry.ts";
import { createCredentialPool, type CredentialPool } from "./credential-pool.ts";

/** A configured provider, ready to be called. */
export interface Upstream {
  readonly name: string;
  readonly provider: Provider;
  readonly config: ResolvedProvider;
  readonly credentials: CredentialPool;
  /** PEM text of `config.ca`. */
  readonly ca: string | undefined;
}

export function createUpstream(name: string, config: ResolvedProvider): Upstream {
  return {
    name,
    provider: providers[config.type],
    config,
    credentials: createCredentialPool(config.credentials),
    ca: config.ca === undefined ? undefined : readFileSync(config.ca, "utf8"),
  };
}

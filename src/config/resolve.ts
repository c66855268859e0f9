import type { ProtocolName } from "./protocol-names.ts";
import { factsOf } from "./provider-types.ts";
import type { Config, ProviderConfig } from "./schema.ts";

/** A provider with everything its type knows filled in. */
export type ResolvedProvider = Omit<ProviderConfig, "baseUrl" | "acceptsAnyModel" | "listModels" | "protocols"> & {
  /** Without a slash at its end; empty for a dummy, which has no upstream. */
  readonly baseUrl: string;
  readonly acceptsAnyModel: boolean;
  readonly listModels: boolean;
  /** In order of preference. */
  readonly protocols: readonly ProtocolName[];
};

/** The configuration as the rest of the house reads it: nothing that has a default is missing. */
export type ResolvedConfig = Omit<Config, "providers"> & {
  /** Has no prototype, as `models`: a look-up with a client's text finds declared names only. */
  readonly providers: Readonly<Record<string, ResolvedProvider>>;
};

/** Whether a request can be sent to this provider: it is switched on, and has a credential where its type needs one. */
export function isUsable({ enabled, type, credentials }: ResolvedProvider): boolean {
  return enabled && (credentials.length > 0 || !factsOf(type).needsCredential);
}

function resolveProvider(provider: ProviderConfig): ResolvedProvider {
  const defaults = factsOf(provider.type);
  return {
    ...provider,
    credentials: provider.credentials.filter(({ key, enabled }) => enabled && key.trim() !== ""),
    baseUrl: (provider.baseUrl ?? defaults.baseUrl ?? "").replace(/\/+$/, ""),
    acceptsAnyModel: provider.acceptsAnyModel ?? false,
    listModels: provider.listModels ?? defaults.listModels,
    protocols: provider.protocols ?? defaults.protocols,
  };
}

function withoutPrototype<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, Object.fromEntries(entries));
}

/** A configuration whose maps have no prototype, also after it came from another process. */
export function restored(config: ResolvedConfig): ResolvedConfig {
  const { providers, models } = config;
  return {
    ...config,
    providers: withoutPrototype(Object.entries(providers)),
    models: withoutPrototype(Object.entries(models)),
  };
}

/** Fills in what depends on a provider's type. */
export function resolveConfig(config: Config): ResolvedConfig {
  const providers = Object.entries(config.providers).map(
    ([name, provider]) => [name, resolveProvider(provider)] as const,
  );
  return restored({ ...config, providers: Object.fromEntries(providers) });
}

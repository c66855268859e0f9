import type { ResolvedConfig } from "./resolve.ts";
import type { CredentialConfig } from "./schema-routing.ts";

/** An API key with nothing of its own is written as a text; what is left at its default is not written. */
function credentialForm({ key, weight, enabled: _used, ...limits }: CredentialConfig): unknown {
  const own = { ...(weight === 1 ? {} : { weight }), ...limits };
  return Object.keys(own).length === 0 ? key : { key, ...own };
}

/** The configuration as a file would say it, in which credentials are texts wherever they may be. */
export function writtenForm(config: ResolvedConfig): Record<string, unknown> {
  const providers = Object.entries(config.providers).map(
    ([name, provider]) => [name, { ...provider, credentials: provider.credentials.map(credentialForm) }] as const,
  );
  return { ...config, providers: Object.fromEntries(providers) };
}

import { isPlainObject } from "../../config/path.ts";
import type { ResolvedProvider } from "../../config/resolve.ts";
import { forbiddenNames } from "../../config/forbidden-names.ts";
import { invalidRequest } from "../../errors.ts";
import { secretFields } from "./masked-secrets.ts";
import type { EntryRules } from "./named-entries.ts";
import { type Fields, writtenEntry } from "./written-entry.ts";

/** `GET /api/providers/health` is about all of them. */
const takenNames: ReadonlySet<string> = new Set(["health", "batch"]);

/** Where its credentials go, as the URL parser sees it that sends them. */
function whereTo({ baseUrl, proxy }: ResolvedProvider): string {
  const url = URL.parse(baseUrl);
  return JSON.stringify([url === null ? baseUrl : `${url.protocol}//${url.host}`, proxy ?? null]);
}

function newHost(name: string, fields: readonly string[]): never {
  const named = fields.map((field) => `\`${field}\``).join(" and ");
  const message = `This sends what the provider '${name}' has to another place (its base URL's scheme, host or port, or its proxy, is another one): send ${named} with the change, in full, so that no key is given to who was not meant to have it.`;
  throw invalidRequest(message, fields[0]);
}

/** LLM Orchestrator's form: `config: {base_url, api_key}`. */
function plainProvider({ config, ...fields }: Fields): Fields {
  if (!isPlainObject(config)) return fields;
  const { base_url: baseUrl, api_key: key, api_keys: keys } = config;
  return {
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(key === undefined && keys === undefined ? {} : { credentials: keys ?? [key] }),
    ...fields,
  };
}

function isForbidden(name: string): boolean {
  return takenNames.has(name) || forbiddenNames.has(name);
}

export const providerRules: EntryRules = {
  kind: "provider",
  names: ({ config }) => Object.keys(config.providers),
  more({ config }, name) {
    const provider = config.providers[name];
    if (provider === undefined) return {};
    const { type, baseUrl, enabled, protocols } = provider;
    return { type, baseUrl, enabled, protocols };
  },
  plain: plainProvider,
  checkName(name) {
    if (isForbidden(name)) throw invalidRequest(`A provider cannot be called '${name}' here.`, "name");
  },
  checkChange({ name, before, after, given }) {
    const [was, is] = [before.config.providers[name], after.config.providers[name]];
    if (was === undefined || is === undefined || whereTo(was) === whereTo(is)) return;
    const entry = { kind: "provider", name } as const;
    const kept = secretFields(entry, writtenEntry(after.written.tree, entry) ?? {}).filter(
      (field) => !given.has(field),
    );
    if (kept.length > 0) newHost(name, kept);
  },
};

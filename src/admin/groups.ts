import { ConfigError } from "../config/load.ts";
import { convertGroup, livePriority } from "../config/import/orchestration-api.ts";
import { redactTree } from "../config/redact.ts";
import type { ResolvedProvider } from "../config/resolve.ts";
import { isPlainObject } from "../config/path.ts";
import { GatewayError, invalidRequest } from "../errors.ts";
import type { By } from "./audit-trail.ts";
import type { Configuration } from "./configuration/index.ts";
import { refuseConfig } from "./configuration/refuse-config.ts";
import type { ChangedGroup, GroupCreate, GroupUpdate, GroupView } from "./contract/groups.ts";

/** Providers under the names that OrchestrationApi has for them and theirs. Calls reject with GatewayError. */
export interface Groups {
  list(): GroupView[];
  /** Throws GatewayError (404). */
  get(id: string): GroupView;
  create(input: GroupCreate, by: By): Promise<ChangedGroup>;
  /** What is left out stays. */
  update(id: string, input: GroupUpdate, by: By): Promise<ChangedGroup>;
  remove(id: string, by: By): Promise<void>;
}

function viewOf(id: string, provider: ResolvedProvider): GroupView {
  const shown = redactTree(provider, ["providers", id]) as ResolvedProvider;
  return {
    id,
    groupName: id,
    providerType: provider.type,
    apiKeys: shown.credentials.map(({ key }) => key),
    models: [...provider.models],
    modelAliases: provider.aliases,
    balancePolicy: provider.balance,
    retryCount: provider.retries,
    timeout: provider.timeouts.firstByte / 1000,
    priority: livePriority(provider.priority),
    enabled: provider.enabled,
    parameters: shown.parameters ?? {},
    parameterOverrides: shown.overrides ?? {},
    headers: shown.headers,
    baseUrl: shown.baseUrl,
    rpmLimit: provider.rpm ?? 0,
    proxyEnabled: typeof provider.proxy === "string",
  };
}

function noGroup(id: string): GatewayError {
  const message = `There is no group ${id.slice(0, 100)} here; GET /admin/groups lists those there are.`;
  return new GatewayError({ code: "not_found", status: 404, message });
}

/** Field of a group → fields of a provider that it is made into. */
const madeOf = {
  providerType: ["type", "baseUrl", "protocols"],
  baseUrl: ["type", "baseUrl", "protocols"],
  apiKeys: ["credentials"],
  models: ["models"],
  modelAliases: ["aliases"],
  balancePolicy: ["balance"],
  retryCount: ["retries"],
  timeout: ["timeouts"],
  priority: ["priority"],
  enabled: ["enabled"],
  parameters: ["parameters"],
  parameterOverrides: ["overrides"],
  rpmLimit: ["rpm"],
  proxyEnabled: ["proxy"],
  proxyConfig: ["proxy"],
} as const satisfies Partial<Record<keyof GroupUpdate, readonly string[]>>;

type Converted = ReturnType<typeof convertGroup>;

function converted({ headers: _headers, ...group }: GroupCreate): Converted {
  try {
    return convertGroup(group);
  } catch (error) {
    if (error instanceof ConfigError) throw refuseConfig(error, "The group cannot be made into a provider");
    throw error;
  }
}

/** They need no translation, and a masked one stays what it is. */
function headersIn({ headers }: GroupUpdate): { headers?: Readonly<Record<string, string>> } {
  return headers === undefined ? {} : { headers };
}

/** Fields of the provider that a change of some fields of its group is about. */
function patchOf(input: GroupUpdate, { tree }: Converted): Record<string, unknown> {
  const names = Object.entries(madeOf).flatMap(([field, made]) => (Object.hasOwn(input, field) ? made : []));
  const fields = names.map((name) => [name, tree[name] ?? (name === "enabled" ? true : null)] as const);
  return { ...Object.fromEntries(fields), ...headersIn(input) };
}

/** A refusal of the provider's own in the words of the group. */
async function inWordsOfGroups<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw error.with({ message: error.message.replaceAll("`credentials`", "`apiKeys`") });
  }
}

export function createGroups({ live, providers }: Pick<Configuration, "live" | "providers">): Groups {
  function served(id: string): ResolvedProvider {
    const provider = live.loaded().config.providers[id];
    if (provider === undefined) throw noGroup(id);
    return provider;
  }

  function changed(id: string, { notes }: Converted): ChangedGroup {
    return { ...viewOf(id, served(id)), notes: [...notes] };
  }

  return {
    list: () => Object.entries(live.loaded().config.providers).map(([id, provider]) => viewOf(id, provider)),
    get: (id) => viewOf(id, served(id)),
    async create(input, by) {
      const made = converted(input);
      const provider = { ...made.tree, ...headersIn(input), name: made.name };
      await inWordsOfGroups(() => providers.create(provider, by));
      return changed(made.name, made);
    },
    async update(id, input, by) {
      const { id: sentId = id, groupName = id, notes: _notes, ...fields } = input;
      if (sentId !== id || groupName !== id)
        throw invalidRequest(
          `\`id\` and \`groupName\` of a group stay '${id}': make another one, and delete this.`,
          "groupName",
        );
      const { id: _id, proxyEnabled: hasProxy, baseUrl, ...shown } = viewOf(id, served(id));
      // One that was never written is its type's: another type has its own.
      const written = providers.get(id);
      const before = { ...shown, ...(Object.hasOwn(written.origins, "baseUrl") && { baseUrl }) };
      const { proxyEnabled = hasProxy, proxyConfig, ...others } = fields;
      // What the proxy is, is told nobody: it stays unless somebody says another, or that there is none.
      const proxy = proxyConfig === undefined && proxyEnabled === hasProxy ? {} : { proxyEnabled, proxyConfig };
      const wanted = { ...others, ...proxy };
      const made = converted({ ...before, ...wanted, providerType: others.providerType ?? before.providerType });
      const patch = patchOf(wanted, made);
      const isNews = Object.keys(patch).length > 0 || Object.keys(fields).length === 0;
      if (!isNews) return changed(id, made);
      const { timeouts } = written;
      if (isPlainObject(timeouts) && isPlainObject(patch["timeouts"]))
        patch["timeouts"] = { ...timeouts, ...patch["timeouts"] };
      await inWordsOfGroups(() => providers.patch(id, patch, by));
      return changed(id, made);
    },
    async remove(id, by) {
      served(id);
      await inWordsOfGroups(() => providers.remove(id, by));
    },
  };
}

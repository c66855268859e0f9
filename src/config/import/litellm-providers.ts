import { compact, isReference, type Amount } from "./fields.ts";
import { pathText } from "../path.ts";
import type { Deployment } from "./litellm-deployment.ts";
import { createNames, providerName } from "./names.ts";

/** Providers by name, and the one that each deployment goes to. */
export interface ProviderTrees {
  readonly providers: Record<string, Record<string, unknown>>;
  readonly nameOf: (deployment: Deployment) => string;
}

interface Draft {
  readonly tree: Record<string, unknown>;
  readonly deployments: Deployment[];
}

const hostWords = /^(?:api|www|openai|\d+)$/;

/** The part of a host that tells one server from another. */
function hostLabel(baseUrl: unknown): string {
  const host = typeof baseUrl === "string" ? (URL.parse(baseUrl)?.hostname ?? "") : "";
  if (host === "" || /^[\d.]+$|^\[/.test(host)) return host.replaceAll(/[[\]:]/g, "");
  if (host === "localhost") return "local";
  return host.split(".").find((label) => !hostWords.test(label)) ?? host;
}

const keyWords = /^(?:api|key|apikey|token|secret|os|ai|env|my)$/;

/** `AZURE_API_KEY_EU` → `eu`. */
function keyLabel({ tree, deployments }: Draft): string {
  const [credential]: unknown[] = Array.isArray(tree["credentials"]) ? tree["credentials"] : [];
  if (typeof credential !== "string" || !isReference(credential)) return "";
  const service = deployments[0]?.service.toLowerCase() ?? "";
  const words = credential.slice(2, -1).toLowerCase().split("_");
  return words.filter((word) => word !== "" && !keyWords.test(word) && !service.includes(word)).join("-");
}

function baseName({ tree, deployments }: Draft): string {
  const type = String(tree["type"]);
  if (type !== "openai-compatible") return type;
  const service = deployments[0]?.service ?? type;
  const isNamed = !/^(?:openai|openai_like|custom_openai|aiohttp_openai|text-completion-openai)$/.test(service);
  return providerName(isNamed ? service.replaceAll("_", "-") : hostLabel(tree["baseUrl"]), type);
}

/** `anthropic/*` → `any`. */
function groupLabel({ tree, deployments }: Draft): string {
  const { group = "", service = "" } = deployments[0] ?? {};
  const prefix = [`${service}/`, `${String(tree["type"])}/`].find((start) => group.startsWith(start)) ?? "";
  return group.slice(prefix.length).replaceAll("*", "any");
}

const labels: readonly ((draft: Draft) => string)[] = [keyLabel, ({ tree }) => hostLabel(tree["baseUrl"]), groupLabel];

/** Names for drafts that would all be called the same: with what tells them apart, else with numbers. */
function distinctNames(base: string, drafts: readonly Draft[]): string[] {
  if (drafts.length === 1) return [base];
  for (const label of labels) {
    const names = drafts.map((draft) => providerName(label(draft) === "" ? base : `${base}-${label(draft)}`, base));
    if (new Set(names).size === names.length) return names;
  }
  return drafts.map(() => base);
}

function draftKey({ connection, limits, part }: Deployment): string {
  // LiteLLM's limits are those of one deployment, ours those of a provider.
  const own = Object.keys(limits).length === 0 ? "" : pathText(part.path);
  return JSON.stringify([connection, own]);
}

/** Deployments with the same access share a provider; one with limits has its own. `concurrency`: of those without. */
export function buildProviders(deployments: readonly Deployment[], concurrency: Amount | undefined): ProviderTrees {
  const drafts = new Map<string, Draft>();
  for (const deployment of deployments) {
    const key = draftKey(deployment);
    const draft = drafts.get(key) ?? {
      tree: compact({ concurrency, ...deployment.connection, ...deployment.limits }),
      deployments: [],
    };
    draft.deployments.push(deployment);
    drafts.set(key, draft);
  }
  const groups = Map.groupBy(drafts.values(), baseName);
  const unique = createNames();
  const names = new Map<Draft, string>();
  for (const [base, group] of groups) {
    for (const [index, name] of distinctNames(base, group).entries()) {
      const draft = group[index];
      if (draft !== undefined) names.set(draft, unique([name]));
    }
  }
  const byDeployment = new Map<Deployment, string>();
  for (const [draft, name] of names) for (const deployment of draft.deployments) byDeployment.set(deployment, name);
  return {
    providers: Object.fromEntries([...names].map(([draft, name]) => [name, inOrder(draft.tree)])),
    nameOf: (deployment) => byDeployment.get(deployment) ?? "",
  };
}

const order = [
  "type",
  "baseUrl",
  "apiVersion",
  "credentials",
  "headers",
  "rpm",
  "tpm",
  "concurrency",
  "enabled",
  "retries",
  "timeouts",
];

function inOrder(tree: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(order.flatMap((key) => (key in tree ? [[key, tree[key]] as const] : [])));
}

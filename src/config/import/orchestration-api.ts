import type { Origin } from "../config-error.ts";
import { isPlainObject } from "../path.ts";
import { createFindings, type Converted, type Findings } from "./findings.ts";
import { compact } from "./fields.ts";
import { createNames } from "./names.ts";
import { readGroup, type Group } from "./orchestration-group.ts";
import { createRoot, type Part } from "./part.ts";

export interface OrchestrationApiContext {
  readonly origin: Origin;
}

/** The database keeps lists and objects as JSON in texts. */
function unpacked(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

interface Lists {
  readonly groups: Part[];
  readonly keys: Part[];
}

/** A list of groups, an export or an answer of the API with `groups`, or one group. */
function listsIn(root: Part): Lists {
  if (Array.isArray(root.value)) return { groups: root.items(), keys: [] };
  const list = (...names: readonly string[]): Part[] => {
    const part = names.map((name) => root.get(name)).find(({ isWritten }) => isWritten);
    if (part === undefined) return [];
    return Array.isArray(part.value) ? part.items() : part.entries().map(([, item]) => item);
  };
  const keys = list("proxyKeys", "proxy_keys", "keys");
  const isGroup = ["groupName", "group_name", "GroupName"].some((name) => root.get(name).isWritten);
  return { groups: isGroup ? [root] : list("groups", "Groups", "data"), keys };
}

function plainGroups(parts: readonly Part[], findings: Findings): Part[] {
  return parts.flatMap((part) => {
    if (!isPlainObject(part.value)) {
      part.refuse("must be an object with groupName, providerType and apiKeys");
      return [];
    }
    const entries = Object.entries(part.value).map(([key, item]) => [key, unpacked(item)] as const);
    return createRoot({ ...part, value: Object.fromEntries(entries), findings }, (text) => text);
  });
}

/** A higher number goes first there, a lower one here: 10, 5, 5, 0 become 1, 2, 2, 3. */
function priorities(groups: readonly Group[]): Map<number, number> {
  const numbers = [...new Set(groups.map(({ priority }) => priority))].sort((left, right) => right - left);
  return new Map(numbers.map((number, index) => [number, index + 1]));
}

/** There an end point asks only the groups of its own API; here each protocol reaches all providers. */
function noteMixedModels(groups: readonly Group[]): void {
  const typesByModel = new Map<string, Set<string>>();
  for (const { offered, type } of groups) {
    for (const model of offered) typesByModel.set(model, (typesByModel.get(model) ?? new Set()).add(type));
  }
  for (const { part, offered } of groups) {
    if (offered.some((model) => (typesByModel.get(model)?.size ?? 0) > 1)) {
      part.note(
        "groups of another providerType serve a model of this name too; here all of them answer for it, by priority",
      );
    }
  }
}

/** A higher number goes first there, a lower one here: their 0 is our 1. */
export function livePriority(priority: number): number {
  return 1 - priority;
}

/** One group as the provider that does its work. */
export interface ConvertedGroup extends Converted {
  readonly name: string;
}

/** One group as OrchestrationApi's own API takes it; `tree` is the entry under `providers`. Throws ConfigError. */
export function convertGroup(source: unknown): ConvertedGroup {
  const findings = createFindings();
  const root = createRoot({ value: source, origin: "overlay", path: [], label: "", findings }, (text) => text);
  const group = readGroup(root, 0, { isLive: true });
  findings.settle();
  if (group === undefined) return { name: "", tree: {}, notes: findings.notes() };
  const { name, tree, priority } = group;
  return { name, tree: { ...tree, priority: livePriority(priority) }, notes: findings.notes() };
}

/** OrchestrationApi's groups as its export, its API or a person wrote them. Throws ConfigError. */
export function convertOrchestrationApi(source: unknown, { origin }: OrchestrationApiContext): Converted {
  const findings = createFindings();
  const root = createRoot({ value: source, origin, path: [], label: "", findings });
  const { groups: parts, keys } = listsIn(root);
  if (parts.length === 0) {
    root.refuse("there are no groups; export them with POST /admin/groups/export, or save GET /admin/groups");
  }
  const groups = plainGroups(parts, findings).flatMap((part, index) => readGroup(part, index) ?? []);
  for (const key of keys)
    key.note("proxy keys are not carried over; write those that clients shall use into keys.inbound");
  findings.settle();

  noteMixedModels(groups);
  const rank = priorities(groups);
  const unique = createNames();
  const entries = groups.map(({ name, tree, priority }) => {
    const place = rank.size > 1 ? rank.get(priority) : undefined;
    return [unique([name]), compact({ ...tree, priority: place })] as const;
  });
  return { tree: compact({ providers: Object.fromEntries(entries) }), notes: findings.notes() };
}

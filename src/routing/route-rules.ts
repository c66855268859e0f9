import type { ResolvedConfig } from "../config/resolve.ts";
import type { RequestFacts } from "./route.ts";
import { createGlob } from "./wildcards.ts";

type RouteConfig = ResolvedConfig["routes"][number];
type Condition = (model: string, facts: RequestFacts) => boolean;

export interface RouteRule {
  /** The model that serves instead. */
  readonly use: string;
  /** Where it stands in the configuration. */
  readonly path: string;
}

export interface RouteRules {
  /** The first rule that holds for a request that asks for `model`. */
  find(model: string, facts: RequestFacts): RouteRule | undefined;
}

const taskHeader = "x-orch-task-kind";

function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const globs = patterns.map(createGlob);
  const [only] = globs;
  if (globs.length === 1 && only !== undefined) return only;
  return (text) => globs.some((fits) => fits(text));
}

function headerIs(name: string, patterns: readonly string[]): Condition {
  const fits = anyOf(patterns);
  return (_model, { headers }) => {
    const value = headers.get(name);
    return value !== null && fits(value);
  };
}

/** What must hold, cheap questions first: a body is only looked into where everything else does. */
function conditionsOf({ model, task, headers, keys, minTokens, maxTokens, needs }: RouteConfig["when"]): Condition[] {
  const conditions: Condition[] = [];
  if (model !== undefined) conditions.push(anyOf(model));
  if (keys !== undefined) {
    const fits = anyOf(keys);
    conditions.push((_model, { keyId }) => fits(keyId));
  }
  if (task !== undefined) conditions.push(headerIs(taskHeader, task));
  for (const [name, pattern] of Object.entries(headers ?? {})) conditions.push(headerIs(name, [pattern]));
  if (minTokens !== undefined) conditions.push((_model, facts) => facts.promptTokens() >= minTokens);
  if (maxTokens !== undefined) conditions.push((_model, facts) => facts.promptTokens() <= maxTokens);
  for (const need of needs ?? []) conditions.push((_model, facts) => facts.needs()[need]);
  return conditions;
}

function holdAll(conditions: readonly Condition[], model: string, facts: RequestFacts): boolean {
  for (const holds of conditions) if (!holds(model, facts)) return false;
  return true;
}

export function createRouteRules(routes: readonly RouteConfig[]): RouteRules {
  const rules = routes.map(({ when, use }, index) => {
    return { rule: { use, path: `routes[${index}]` }, conditions: conditionsOf(when) };
  });
  return {
    find(model, facts) {
      for (const { rule, conditions } of rules) if (holdAll(conditions, model, facts)) return rule;
      return undefined;
    },
  };
}

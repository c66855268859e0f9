import type { Origin } from "../config-error.ts";
import { compact, durationText, noteRest, seconds } from "./fields.ts";
import { createFindings, type Converted, type Findings } from "./findings.ts";
import { convertOrchProvider, type OrchProvider } from "./llm-orch-providers.ts";
import { createNames, providerName } from "./names.ts";
import { createRoot, requireObject, type Part } from "./part.ts";

/** The two files as their parsers read them. */
export interface LlmOrchSource {
  readonly providers: unknown;
  readonly router: unknown;
}

export interface LlmOrchContext {
  readonly providersOrigin: Origin;
  readonly routerOrigin: Origin;
  /** Whether a variable is known to say something; default: every one will. Providers whose key is missing are switched off. */
  readonly isSet?: (variable: string) => boolean;
  /** llm-orch run with its dummy providers lets routes name providers that are not there. */
  readonly mayMissProviders?: boolean;
}

const usualHeader = "x-orch-task-kind";
const fallbackTask = "DEFAULT";

interface Defaults {
  readonly parameters: Record<string, unknown>;
  readonly header: string;
  /** Task of requests without the header. */
  readonly task: string;
}

function readDefaults(part: Part): Defaults {
  const maxTokens = part.get("max_tokens").number() ?? 2048;
  if (!Number.isInteger(maxTokens) || maxTokens < 1) part.get("max_tokens").refuse("must be a whole number from 1 on");
  const header = part.get("task_header").text() ?? usualHeader;
  if (!/^[A-Za-z0-9-]+$/.test(header)) part.get("task_header").refuse("must be the name of a header");
  const defaults = {
    parameters: { temperature: part.get("temperature").number() ?? 0.2, max_tokens: maxTokens },
    header: header.toLowerCase(),
    task: part.get("task_header_value").text() ?? fallbackTask,
  };
  const sticky = part.get("sticky_header");
  if (sticky.isWritten) sticky.note("requests are kept together by a session header here, e.g. x-session-id");
  noteRest(part);
  return defaults;
}

interface Breaker {
  readonly failures: number;
  readonly seconds: number;
}

interface Task {
  readonly name: string;
  readonly model: Record<string, unknown>;
  /** The model for names that nobody declares: targets without a model of their own take what was asked for. */
  readonly openModel: Record<string, unknown>;
  readonly breakers: readonly Breaker[];
  readonly stickyTtl: string | undefined;
}

interface Member {
  readonly part: Part;
  readonly provider: OrchProvider;
  readonly weight: number | undefined;
}

function readBreaker(part: Part): Breaker[] {
  if (!part.isWritten) return [];
  const failures = part.get("failure_threshold").number() ?? 3;
  const recovery = part.get("recovery_time_s").number() ?? 30;
  noteRest(part);
  if (failures >= 1 && recovery > 0) return [{ failures: Math.floor(failures), seconds: recovery }];
  part.refuse("failure_threshold must be 1 or more and recovery_time_s more than 0");
  return [];
}

function memberParts(route: Part): { name: Part; weight: Part | undefined; breaker: Part | undefined }[] {
  const targets = route.get("targets").items();
  const fallback = route.get("fallback");
  const plain = [route.get("primary"), ...(Array.isArray(fallback.value) ? fallback.items() : [fallback])];
  if (targets.length === 0) return plain.map((name) => ({ name, weight: undefined, breaker: undefined }));
  return targets.map((target) => {
    const found = {
      name: target.get("provider"),
      weight: target.get("weight"),
      breaker: target.get("circuit_breaker"),
    };
    noteRest(target);
    return found;
  });
}

interface RouteReading {
  readonly providers: ReadonlyMap<string, OrchProvider>;
  readonly mayMissProviders: boolean;
}

/** The providers of a route, each once; the first one must exist, further ones that do not are left out. */
function readMembers(parts: ReturnType<typeof memberParts>, { providers, mayMissProviders }: RouteReading): Member[] {
  const members: Member[] = [];
  for (const [index, { name: part, weight }] of parts.entries()) {
    const name = part.text();
    const provider = name === undefined ? undefined : providers.get(name);
    if (provider !== undefined) {
      const isNew = members.every((member) => member.provider !== provider);
      if (isNew) members.push({ part, provider, weight: weight?.number() });
    } else if (name !== undefined) {
      const message = `there is no provider '${name}' in providers.toml; it has ${[...providers.keys()].join(", ") || "none"}`;
      if (index === 0 && !mayMissProviders) part.refuse(message);
      else part.note("there is no such provider in providers.toml; left out");
    }
  }
  return members;
}

const strategies: readonly string[] = ["priority", "weighted", "sticky"];

function strategyOf(route: Part, members: readonly Member[]): string {
  const written = route.get("strategy").text();
  if (written !== undefined && !strategies.includes(written)) {
    route.get("strategy").refuse(`must be one of ${strategies.join(", ")}`);
  }
  if (written !== undefined) return written;
  if (route.get("sticky_ttl").isWritten) return "sticky";
  return members.some(({ weight }) => weight !== undefined) ? "weighted" : "priority";
}

function targetsOf(members: readonly Member[], { strategy, isOpen }: { strategy: string; isOpen: boolean }) {
  return members.flatMap(({ provider, weight }, index) => {
    const model = provider.model ?? (isOpen ? "*" : undefined);
    if (model === undefined) return [];
    const place = strategy === "weighted" ? { weight: weight ?? 1 } : { priority: index + 1 };
    return [{ provider: provider.name, model, ...place }];
  });
}

function readTask(name: string, route: Part, reading: RouteReading): Task | undefined {
  const parts = memberParts(route);
  const members = readMembers(parts, reading);
  const strategy = strategyOf(route, members);
  const stickyTtl = seconds(route.get("sticky_ttl"));
  const breakers = parts.flatMap(({ breaker }) => (breaker === undefined ? [] : readBreaker(breaker)));
  noteRest(route);
  if (members.length === 0) {
    if (!reading.mayMissProviders) route.refuse("must name a provider: primary, or targets");
    return undefined;
  }
  for (const { part, provider } of members) {
    if (provider.model === undefined)
      part.note("this provider names no model, and a task needs one: write it in our file");
  }
  const shape = (isOpen: boolean): Record<string, unknown> =>
    compact({
      strategy: strategy === "weighted" ? "weighted" : undefined,
      targets: targetsOf(members, { strategy, isOpen }),
      affinity: strategy === "sticky" ? "session" : undefined,
    });
  return { name, model: shape(false), openModel: shape(true), breakers, stickyTtl };
}

function readTasks(root: Part, reading: RouteReading): Task[] {
  const routes = root.get("routes");
  if (!routes.isWritten) root.refuse("there are no routes; write at least routes: {DEFAULT: {primary: …}}");
  return routes.entries().flatMap(([name, route]): Task[] => {
    if (name === "" || name.includes("*")) {
      route.note("a task's name must not be empty or hold a *; left out");
      return [];
    }
    const task = readTask(name, route, reading);
    return task === undefined || !("targets" in task.openModel) ? [] : [task];
  });
}

/** Tasks by the header, then every other value of it; llm-orch gives both to DEFAULT where it has one. */
function routesOf(tasks: readonly Task[], header: string): Record<string, unknown>[] {
  const when = (value: string): Record<string, unknown> => {
    if (header !== usualHeader) return { headers: { [header]: value } };
    return { task: /,|^\s|\s$/.test(value) ? [value] : value };
  };
  const hasDefault = tasks.some(({ name }) => name === fallbackTask);
  const named = tasks.filter(({ name }) => name !== fallbackTask).map(({ name }) => ({ when: when(name), use: name }));
  return hasDefault ? [...named, { when: when("*"), use: fallbackTask }] : named;
}

function modelsOf(tasks: readonly Task[], defaults: Defaults): Record<string, unknown> {
  const served = tasks.filter(({ model }) => "targets" in model);
  const open = tasks.find(({ name }) => name === defaults.task) ?? tasks.find(({ name }) => name === fallbackTask);
  // Requests that name no model get the first one.
  const first = served.filter((task) => task === open);
  const others = served.filter((task) => task !== open);
  return Object.fromEntries([
    ...[...first, ...others].map(({ name, model }) => [name, model] as const),
    ...(open === undefined ? [] : [["*", open.openModel] as const]),
  ]);
}

function healthOf(tasks: readonly Task[], root: Part): Record<string, unknown> {
  const breakers = tasks.flatMap((task) => task.breakers);
  if (breakers.length === 0) return {};
  const [failures, recovery] = [
    Math.min(...breakers.map((breaker) => breaker.failures)),
    Math.min(...breakers.map((breaker) => breaker.seconds)),
  ];
  const isOne = breakers.every((breaker) => breaker.failures === failures && breaker.seconds === recovery);
  if (!isOne)
    root
      .get("routes")
      .note("the circuit breakers differ; health holds for all targets here: the lowest numbers were taken");
  return { maxErrors: failures, cooldown: durationText(recovery * 1000) };
}

function longestTtl(tasks: readonly Task[]): string | undefined {
  const ttls = tasks.flatMap(({ stickyTtl }) => (stickyTtl === undefined ? [] : [stickyTtl]));
  return ttls.sort((left, right) => Number.parseFloat(right) - Number.parseFloat(left))[0];
}

function rootsOf({ providers, router }: LlmOrchSource, context: LlmOrchContext, findings: Findings): [Part, Part] {
  const place = { path: [], findings };
  const roots: [Part, Part] = [
    createRoot({ ...place, value: providers, origin: context.providersOrigin, label: "providers.toml:" }),
    createRoot({ ...place, value: router, origin: context.routerOrigin, label: "router.yaml:" }),
  ];
  const [first] = roots;
  for (const root of roots) requireObject(root);
  if (Object.keys(first.value ?? {}).length === 0) {
    first.refuse("there are no providers; write at least one, e.g. [openai] with type, model and auth_env");
  }
  return roots;
}

/**
 * llm-orch decides by the task alone, whatever model a client names: so each task is a model with a route by the
 * header, and names that nobody declares go to the default task. Throws ConfigError.
 */
export function convertLlmOrch(source: LlmOrchSource, context: LlmOrchContext): Converted {
  const findings = createFindings();
  const [providersRoot, routerRoot] = rootsOf(source, context, findings);
  const defaults = readDefaults(routerRoot.get("defaults"));
  const isSet = context.isSet ?? (() => true);
  const nameOf = createNames();
  const providers = new Map(
    providersRoot
      .entries()
      .map(
        ([name, part]) =>
          [name, convertOrchProvider(part, { name: nameOf([providerName(name)]), isSet, ...defaults })] as const,
      ),
  );
  const tasks = readTasks(routerRoot, { providers, mayMissProviders: context.mayMissProviders ?? false });
  noteRest(routerRoot);
  findings.settle();

  const models = modelsOf(tasks, defaults);
  const entries = [...providers.values()].map(
    (provider) => [provider.name, provider.tree(Object.keys(models))] as const,
  );
  const tree = compact({
    providers: Object.fromEntries(entries),
    models,
    routes: routesOf(
      tasks.filter(({ name }) => Object.hasOwn(models, name)),
      defaults.header,
    ),
    affinity: compact({ ttl: longestTtl(tasks) }),
    health: healthOf(tasks, routerRoot),
  });
  return { tree, notes: findings.notes() };
}

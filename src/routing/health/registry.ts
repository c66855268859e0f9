import type { ResolvedConfig } from "../../config/resolve.ts";
import type { CredentialAlarm } from "../credential.ts";
import type { HealthChange } from "./health-change.ts";
import type { CircuitAlarm, HealthRegistry, HealthSettings } from "./health.ts";
import { ProviderState } from "./provider-state.ts";
import { TargetState } from "./target-state.ts";

export interface HealthRegistryOptions {
  readonly settings: HealthSettings;
  readonly now?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
  /** Whether upstreams' words, which may quote requests, may be kept and shown. */
  readonly keepsWords?: boolean | undefined;
  readonly onCredential?: CredentialAlarm | undefined;
  readonly onCircuit?: CircuitAlarm | undefined;
  /** Told of what other gateways should know; what is heard of them is not told again. */
  readonly onChange?: ((change: HealthChange) => void) | undefined;
}

const mostTargets = 1000;

interface Kept {
  readonly provider: string;
  readonly baseUrl: string;
  readonly state: TargetState;
}

function keyOf(provider: string, baseUrl: string, model: string): string {
  return `${provider}\n${baseUrl}\n${model}`;
}

/** The targets that the configuration names; those of wildcards are as many as clients ask for. */
function namedTargets({ providers, models }: Pick<ResolvedConfig, "providers" | "models">): Set<string> {
  const keys = new Set<string>();
  const add = (provider: string, model: string): void => {
    const baseUrl = providers[provider]?.baseUrl;
    if (baseUrl !== undefined && !model.includes("*")) keys.add(keyOf(provider, baseUrl, model));
  };
  for (const { targets } of Object.values(models)) for (const { provider, model } of targets) add(provider, model);
  for (const [name, provider] of Object.entries(providers))
    for (const model of [...provider.models, ...Object.values(provider.aliases)]) add(name, model);
  return keys;
}

/** Everything that is known of upstreams' health, in memory. */
export function createHealthRegistry(options: HealthRegistryOptions): HealthRegistry {
  const { now = Date.now, random = Math.random, keepsWords = true, onCredential, onCircuit, onChange } = options;
  let current = options.settings;
  const settings = (): HealthSettings => current;
  /** The one used last is the last. */
  const targets = new Map<string, Kept>();
  const providers = new Map<string, ProviderState>();
  /** Puts pools of a configuration in use that is not served yet. */
  const drafts = new Map<string, () => void>();
  /** A configuration is served already, which others must leave as it is. */
  let isServing = false;
  let named: ReadonlySet<string> = new Set();

  function newProvider(name: string): ProviderState {
    return new ProviderState(name, { settings, now, random, keepsWords, onCredential, onChange });
  }

  function providerOf(name: string): ProviderState {
    let provider = providers.get(name);
    if (provider === undefined) {
      provider = newProvider(name);
      providers.set(name, provider);
    }
    return provider;
  }

  /** The longest unused first; those of which something bad is known stay while there are others. */
  function makeRoom(): void {
    for (const isTroubled of [false, true])
      for (const [key, { state }] of targets) {
        if (targets.size < mostTargets) return;
        const isInUse = state.inFlight > 0 || named.has(key);
        if (!isInUse && (isTroubled || state.status() === "healthy")) targets.delete(key);
      }
  }

  /** The newest pools of all providers that are configured are in use from now on. */
  function adoptDrafts(configured: ResolvedConfig["providers"]): void {
    for (const [name, use] of drafts) if (configured[name]?.enabled === true) use();
    drafts.clear();
    isServing = true;
  }

  function isElsewhere({ provider, baseUrl }: Kept): boolean {
    const place = providers.get(provider)?.baseUrl;
    return place !== undefined && place !== baseUrl;
  }

  function targetsOf(name: string): TargetState[] {
    const own = [...targets.values()].filter((kept) => kept.provider === name && !isElsewhere(kept));
    return own.map(({ state }) => state);
  }

  /** Gone providers, and targets at a place where their provider is no more; once nothing is on its way to them. */
  function forgetGone(): void {
    const inUse = new Set<string>();
    for (const [key, kept] of targets) {
      const isGone = providers.get(kept.provider)?.isGone === true || isElsewhere(kept);
      if (isGone && kept.state.inFlight === 0) targets.delete(key);
      else inUse.add(kept.provider);
    }
    for (const [name, provider] of providers)
      if (provider.isGone && provider.inFlight === 0 && !inUse.has(name)) providers.delete(name);
  }

  function newTarget(provider: string, baseUrl: string, model: string): TargetState {
    const alarm: CircuitAlarm = (event) => {
      onCircuit?.(event);
      const until = event.kind === "closed" ? null : now() + (event.openMs ?? 0);
      onChange?.({ about: "circuit", provider, baseUrl, model, until, reason: state.bareReason() ?? "" });
    };
    const state = new TargetState({ provider, model, settings, now, keepsWords, onCircuit: alarm });
    return state;
  }

  function targetOf(provider: string, baseUrl: string, model: string): TargetState {
    const key = keyOf(provider, baseUrl, model);
    const known = targets.get(key);
    if (known !== undefined) {
      // Only what may be thrown out for lack of room is kept in order.
      if (targets.size >= mostTargets / 2 && targets.delete(key)) targets.set(key, known);
      return known.state;
    }
    if (targets.size >= mostTargets) makeRoom();
    providerOf(provider);
    const state = newTarget(provider, baseUrl, model);
    targets.set(key, { provider, baseUrl, state });
    return state;
  }

  return {
    targetOf,
    heard(change) {
      const provider = providers.get(change.provider);
      if (provider === undefined) return;
      if (change.about === "credential") provider.heard(change);
      // Of another place by the same name nothing is known here.
      else if (provider.baseUrl === change.baseUrl)
        targetOf(change.provider, change.baseUrl, change.model).heard(change);
    },
    poolOf(name, config) {
      const provider = providers.get(name) ?? newProvider(name);
      const draft = provider.draft(config);
      const use = (): void => {
        providers.set(name, provider);
        draft.adopt();
      };
      if (isServing) drafts.set(name, use);
      else use();
      return draft.pool;
    },
    configure({ health, failover, providers: configured, models }) {
      current = { health, failover };
      if (configured === undefined) return;
      adoptDrafts(configured);
      named = models === undefined ? named : namedTargets({ providers: configured, models });
      for (const [name, provider] of providers) provider.isGone = configured[name]?.enabled !== true;
      forgetGone();
    },
    probed(name, result) {
      const isGood = providerOf(name).probed(result);
      const own = targetsOf(name);
      if (!isGood || !own.every((target) => target.openUntil() !== undefined)) return;
      for (const { circuit } of own) circuit.hurry(now());
    },
    answeredAt(name) {
      return targetsOf(name).reduce<number | undefined>((newest, { results: { lastSuccessAt } }) => {
        if (lastSuccessAt === undefined) return newest;
        return Math.max(newest ?? 0, lastSuccessAt);
      }, undefined);
    },
    views() {
      forgetGone();
      return [...providers.values()].map((provider) => provider.view(targetsOf(provider.name)));
    },
  };
}

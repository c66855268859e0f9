import { createRecentMap } from "./recent-map.ts";
import type { Answered, RequestFacts, Stage } from "./route.ts";
import { isResponseKey, responseKey } from "./session-key.ts";

/** Who answered, by names: targets and credentials are made anew with every configuration. */
export interface Held {
  readonly provider: string;
  readonly model: string;
  /** The credential's label. */
  readonly credential: string;
}

/** What is remembered of who answered what. Made once for a process, so that it outlives a reload. */
export interface AffinityMemory {
  /** Nothing that was used longer ago than `ttlMs`; finding is using. */
  find(key: string, ttlMs: number): Held | undefined;
  keep(key: string, held: Held): void;
  /** Entries, those among them whose time is over. */
  size(): number;
}

interface AffinityMemoryOptions {
  /** The longest unused are forgotten beyond about this number. */
  mostEntries?: number;
  /** Epoch milliseconds. */
  now?: () => number;
}

interface Entry extends Held {
  usedAt: number;
}

export function createAffinityMemory(options: AffinityMemoryOptions = {}): AffinityMemory {
  const { mostEntries = 20_000, now = Date.now } = options;
  const entries = createRecentMap<Entry>(Math.ceil(mostEntries / 2));
  return {
    find(key, ttlMs) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const time = now();
      if (time - entry.usedAt > ttlMs) return undefined;
      entry.usedAt = time;
      return entry;
    },
    keep(key, { provider, model, credential }) {
      entries.set(key, { provider, model, credential, usedAt: now() });
    },
    size: () => entries.size(),
  };
}

/** The part of planning that remembers. */
export interface Affinity {
  /** Who answered what belongs together with this request; `undefined` = nobody, or it makes no difference. */
  heldFor(stage: Stage, facts: RequestFacts): Held | undefined;
  /** Whether it should stay there even if better targets are usable: others may not know the answer that it goes on from. */
  isBound(stage: Stage, facts: RequestFacts): boolean;
  keep(stage: Stage, facts: RequestFacts, answered: Answered): void;
}

/** Whether there is anything to choose from. */
function hasChoice({ targets }: Stage): boolean {
  if (targets.length !== 1) return true;
  return (targets[0]?.upstream.credentials.credentials.length ?? 0) > 1;
}

function keyOf({ model }: Stage, { keyId }: RequestFacts, key: string): string {
  return `${keyId}\n${model}\n${key}`;
}

export function createAffinity({ memory, ttlMs }: { memory: AffinityMemory; ttlMs: number }): Affinity {
  return {
    heldFor(stage, facts) {
      if (stage.affinity === "off" || !hasChoice(stage)) return undefined;
      const key = facts.affinityKey(stage.affinity);
      return key === undefined ? undefined : memory.find(keyOf(stage, facts, key), ttlMs);
    },
    isBound({ affinity }, facts) {
      const key = affinity === "off" ? undefined : facts.affinityKey(affinity);
      return key !== undefined && isResponseKey(key);
    },
    keep(stage, facts, { target, credential, responseId }) {
      if (stage.affinity === "off" || !hasChoice(stage)) return;
      const held = { provider: target.upstream.name, model: target.model, credential: credential.label };
      const key = facts.affinityKey(stage.affinity);
      if (key !== undefined) memory.keep(keyOf(stage, facts, key), held);
      if (responseId !== undefined) memory.keep(keyOf(stage, facts, responseKey(responseId)), held);
    },
  };
}

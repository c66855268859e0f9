import { fitTrail, trailCharacters } from "./fit-trail.ts";
import type { RequestRecord } from "./request-record.ts";

export interface RequestRingOptions {
  /** Most records that are kept. Default 2,000. */
  capacity?: number;
  /** Most characters that they hold together, about. Default 16 Mi. */
  mostCharacters?: number;
  /** Texts of this length were cut out of longer ones, shorter ones were not. Default 0: all may have been. */
  cutAt?: number;
}

/** The last finished requests, in memory. The oldest go first. */
export interface RequestRing {
  readonly capacity: number;
  /** On the path of every request: allocates next to nothing. Gives texts that were cut from longer ones a memory of their own. */
  add(record: RequestRecord): void;
  find(id: string): RequestRecord | undefined;
  /** At most `limit`, the newest first, of those that `matches` takes. */
  newest(limit: number, matches?: (record: RequestRecord) => boolean): RequestRecord[];
}

/** What a record takes besides its texts. */
const baseCharacters = 500;
const entryCharacters = 250;

/** No single record may take more than this share of the room. */
const largestShare = 1 / 16;
const slimText = 1000;
const slimTrailBytes = 16 * 1024;

/** A text cut from a longer one keeps all of that in memory, e.g. a whole request body; a clone does not. */
function own(text: string): string {
  return structuredClone(text);
}

function ownTexts(record: RequestRecord, cutAt: number): void {
  const { userText, assistantText } = record;
  if (userText !== undefined && userText.length >= cutAt) record.userText = own(userText);
  if (assistantText !== undefined && assistantText.length >= cutAt) record.assistantText = own(assistantText);
  if (record.errorMessage !== undefined) record.errorMessage = own(record.errorMessage);
  for (const attempt of record.trail?.attempts ?? [])
    if (attempt.cause !== undefined) attempt.cause = own(attempt.cause);
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length;
}

function charactersOf(record: RequestRecord): number {
  const { trail, packedTrail, dropped } = record;
  let characters = baseCharacters + record.modelAsked.length + lengthOf(record.modelServed);
  characters += lengthOf(record.userText) + lengthOf(record.assistantText) + lengthOf(record.errorMessage);
  characters += lengthOf(packedTrail);
  for (const name of dropped) characters += name.length;
  if (trail === undefined) return characters;
  const entries = trail.attempts.length + trail.candidates.length + trail.waits.length;
  return characters + trailCharacters(trail) + entryCharacters * entries;
}

function shortened(text: string | undefined): string | undefined {
  return text === undefined || text.length <= slimText ? text : own(text.slice(0, slimText));
}

/** What tells why it went where it went, without what was said. */
function slim(record: RequestRecord): RequestRecord {
  return {
    ...record,
    modelAsked: shortened(record.modelAsked) ?? "",
    modelServed: shortened(record.modelServed),
    errorMessage: shortened(record.errorMessage),
    dropped: record.dropped.slice(0, 50).map((name) => shortened(name) ?? ""),
    userText: undefined,
    assistantText: undefined,
    trail: record.trail === undefined ? undefined : fitTrail(record.trail, slimTrailBytes),
  };
}

export function createRequestRing({
  capacity = 2000,
  mostCharacters = 16 * 1024 * 1024,
  cutAt = 0,
}: RequestRingOptions = {}): RequestRing {
  const slots: (RequestRecord | undefined)[] = Array.from({ length: capacity }, () => undefined);
  const sizes = new Float64Array(capacity);
  /** Records ever added, and those of them that are gone: slots are these numbers modulo the capacity. */
  let added = 0;
  let gone = 0;
  let characters = 0;

  function dropOldest(): void {
    const slot = gone % capacity;
    characters -= sizes[slot] ?? 0;
    slots[slot] = undefined;
    gone += 1;
  }

  return {
    capacity,
    add(record) {
      let kept = record;
      ownTexts(kept, cutAt);
      let size = charactersOf(kept);
      if (size > mostCharacters * largestShare) {
        kept = slim(kept);
        size = charactersOf(kept);
      }
      if (added - gone === capacity) dropOldest();
      while (characters + size > mostCharacters && gone < added) dropOldest();
      const slot = added % capacity;
      slots[slot] = kept;
      sizes[slot] = size;
      characters += size;
      added += 1;
    },
    find(id) {
      // Not worth a map that every request would have to be put into: people ask now and then.
      for (let index = added - 1; index >= gone; index -= 1) {
        const record = slots[index % capacity];
        if (record?.id === id) return record;
      }
      return undefined;
    },
    newest(limit, matches = () => true) {
      const found: RequestRecord[] = [];
      for (let index = added - 1; index >= gone && found.length < limit; index -= 1) {
        const record = slots[index % capacity];
        if (record !== undefined && matches(record)) found.push(record);
      }
      return found;
    },
  };
}

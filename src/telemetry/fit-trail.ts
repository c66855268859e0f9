import type { Trail } from "./trail.ts";

/** Short enough that everything which is always kept fits many times over, long enough to be read. */
const longestText = 100;

/** JSON makes six bytes of a control character or a lone surrogate: texts are cut by their length all the same. */
function cutTexts<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "string" ? inner.slice(0, longestText) : inner,
  );
  return JSON.parse(text) as Value;
}

/** Names of fields and numbers of one entry: at least so many. */
const entryCharacters = 25;

function textsOf(entries: readonly object[] | undefined): number {
  let characters = 0;
  for (const entry of entries ?? []) {
    characters += entryCharacters;
    for (const value of Object.values(entry)) if (typeof value === "string") characters += value.length;
  }
  return characters;
}

/** A trail has at least so many characters in JSON; costs little however long its texts are. */
export function trailCharacters(trail: Trail): number {
  const { candidates, attempts, waits, fallbacks } = trail;
  return textsOf([trail]) + textsOf(candidates) + textsOf(attempts) + textsOf(waits) + textsOf(fallbacks);
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** As many of the first entries as `room` bytes hold. */
function firstThatFit<Entry>(entries: readonly Entry[], room: number): Entry[] {
  let left = room;
  const count = entries.findIndex((entry) => {
    left -= bytesOf(entry) + 1;
    return left < 0;
  });
  return count === -1 ? [...entries] : entries.slice(0, count);
}

type Lists = Pick<Trail, "candidates" | "attempts" | "waits">;

function omittedFrom(trail: Trail, { candidates, attempts, waits }: Lists): NonNullable<Trail["omitted"]> {
  const before = trail.omitted ?? { candidates: 0, attempts: 0, waits: 0 };
  return {
    candidates: before.candidates + trail.candidates.length - candidates.length,
    attempts: before.attempts + trail.attempts.length - attempts.length,
    waits: before.waits + trail.waits.length - waits.length,
  };
}

function fits(trail: Trail, mostBytes: number): boolean {
  // Names that clients made up may be megabytes long: they need not be written to be judged.
  return trailCharacters(trail) <= mostBytes && bytesOf(trail) <= mostBytes;
}

/** Room for the numbers that tell of what was left out. */
const spare = 128;

function withoutCandidates(trail: Trail, mostBytes: number): Trail {
  const room = mostBytes - spare - bytesOf({ ...trail, candidates: [] });
  const candidates = firstThatFit(trail.candidates, room);
  return { ...trail, candidates, omitted: omittedFrom(trail, { ...trail, candidates }) };
}

/** The last attempt says how it ended, so it is kept before any other. */
function withoutMost(trail: Trail, mostBytes: number): Trail {
  const short = cutTexts({ ...trail, candidates: [], fallbacks: trail.fallbacks?.slice(0, 3) });
  const last = short.attempts.slice(-1);
  const room = mostBytes - spare - bytesOf({ ...short, attempts: last, waits: [] });
  const first = firstThatFit(short.attempts.slice(0, -1), room);
  const waits = firstThatFit(short.waits, room - bytesOf(first));
  const lists = { candidates: [], attempts: [...first, ...last], waits };
  return { ...short, ...lists, omitted: omittedFrom(trail, lists) };
}

/**
 * The trail in at most `mostBytes` of JSON (not below 12 KiB): candidates go first, then texts are cut, then attempts and
 * waits go. What fits is returned as it is.
 */
export function fitTrail(trail: Trail, mostBytes: number): Trail {
  if (fits(trail, mostBytes)) return trail;
  if (fits({ ...trail, candidates: [] }, mostBytes - spare)) return withoutCandidates(trail, mostBytes);
  return withoutMost(trail, mostBytes);
}

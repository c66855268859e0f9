import { expect, test } from "bun:test";
import { fitTrail } from "../../src/telemetry/fit-trail.ts";
import type { Trail, TrailCandidate } from "../../src/telemetry/trail.ts";
import { parseTrail } from "../../src/telemetry/trail-schema.ts";
import { forSeeds, type Random } from "../lib/seeded.ts";
import { makeAttempt, makeTrail } from "../support/make-trail.ts";

const mostBytes = 16 * 1024;

function bytesOf(trail: Trail): number {
  return Buffer.byteLength(JSON.stringify(trail));
}

function candidatesOf(count: number, model = "model"): TrailCandidate[] {
  return Array.from({ length: count }, (_, index) => {
    return { provider: `p${index}`, model, state: "healthy", score: index, skipped: undefined };
  });
}

test("a trail that fits is kept as it is", () => {
  const trail = makeTrail({ candidates: candidatesOf(3), attempts: [makeAttempt()] });
  expect(fitTrail(trail, mostBytes)).toBe(trail);
});

test("candidates go first, the last of them, and their number is told", () => {
  const attempts = [makeAttempt({ cause: "x".repeat(300) }), makeAttempt({ kind: "retry" })];
  const trail = makeTrail({ candidates: candidatesOf(1000), attempts });
  const fitted = fitTrail(trail, mostBytes);
  expect(fitted.attempts).toEqual(attempts);
  const kept = fitted.candidates.length;
  expect(kept).toBeGreaterThan(100);
  expect(fitted.candidates).toEqual(trail.candidates.slice(0, kept));
  expect(fitted.omitted).toEqual({ candidates: 1000 - kept, attempts: 0, waits: 0 });
  expect(bytesOf(fitted)).toBeWithin(mostBytes - 200, mostBytes + 1);
});

test("of too many attempts the first ones and the last one stay, with their texts cut", () => {
  const attempts = Array.from({ length: 500 }, (_, index) => makeAttempt({ atMs: index, cause: "€".repeat(5000) }));
  const fitted = fitTrail(makeTrail({ candidates: candidatesOf(5), attempts }), mostBytes);
  const kept = fitted.attempts.length;
  expect(fitted.attempts[0]?.cause).toBe("€".repeat(100));
  expect(fitted.attempts.map(({ atMs }) => atMs)).toEqual([...Array.from({ length: kept - 1 }, (_, at) => at), 499]);
  expect(kept).toBeGreaterThan(10);
  expect(fitted.omitted).toEqual({ candidates: 5, attempts: 500 - kept, waits: 0 });
});

test("a trail that was cut before adds to what it says is missing", () => {
  const omitted = { candidates: 7, attempts: 1, waits: 0 };
  const fitted = fitTrail(makeTrail({ candidates: candidatesOf(1000), omitted }), mostBytes);
  expect(fitted.omitted).toEqual({ candidates: 1007 - fitted.candidates.length, attempts: 1, waits: 0 });
});

const worst = ["\u0000", "\ud800", "€", "😀", '"', "\\", "x"];

function hostileText(random: Random): string {
  return random.pick(worst).repeat(random.pick([0, 1, 50, 500, 20_000]));
}

function hostileTrail(random: Random): Trail {
  const text = (): string => hostileText(random);
  const times = <Entry>(make: () => Entry): Entry[] => Array.from({ length: random.pick([0, 1, 3, 60]) }, make);
  return makeTrail({
    routedBy: text(),
    model: text(),
    strategy: text(),
    lane: text(),
    candidates: times(() => ({ provider: text(), model: text(), state: text(), score: 1 / 3, skipped: text() })),
    attempts: times(() =>
      makeAttempt({ provider: text(), model: text(), credential: text(), outcome: text(), cause: text() }),
    ),
    waits: times(() => ({ for: text(), atMs: 1e15, ms: 1 / 3 })),
    fallbacks: times(() => ({ model: text(), because: text(), atMs: 1 })),
  });
}

test("whatever it holds, it fits, can be read back and keeps its last attempt", () => {
  forSeeds(150, (random) => {
    const trail = hostileTrail(random);
    const fitted = fitTrail(trail, mostBytes);
    expect(bytesOf(fitted)).toBeLessThanOrEqual(mostBytes);
    expect(fitted.attempts.at(-1)?.atMs).toBe(trail.attempts.at(-1)?.atMs);
    expect(parseTrail(JSON.stringify(fitted))).toEqual(fitted);
    for (const list of ["candidates", "attempts", "waits"] as const)
      expect(fitted[list].length + (fitted.omitted?.[list] ?? 0)).toBe(trail[list].length);
  });
});

test("a text that holds no trail gives none", () => {
  for (const text of ["", "null", "{", "[]", '{"model":1}', '{"model":"a","strategy":"b","candidates":{}}'])
    expect(parseTrail(text)).toBeUndefined();
});

import { sortByRank, type Candidate, type Selector } from "./selector.ts";

/** Behind everything that is known. */
const behindKnown = Number.MAX_SAFE_INTEGER / 2;

/** One of which nothing is known is tried by one request at a time; the others need not wait for what it finds. */
function rankOf({ score, target }: Candidate): number {
  if (score !== undefined) return score;
  const { inFlight } = target.health;
  return inFlight === 0 ? -1 : behindKnown + inFlight;
}

function moveToFront(candidates: Candidate[], place: number): void {
  const candidate = candidates[place];
  if (candidate === undefined) return;
  candidates.copyWithin(1, 0, place);
  candidates[0] = candidate;
}

/**
 * The better of two taken at random goes first: if everybody took the best one, all would crowd there until the averages
 * show it. What counts is the time to an answer's beginning, for each of the requests that wait for one there.
 */
export const lowestLatency: Selector = {
  measure({ health }, { facts }) {
    const latencyMs = health.latencyMs(facts.stream ? "stream" : "whole");
    return latencyMs === undefined ? undefined : latencyMs * (health.inFlight + 1);
  },
  order(candidates, { random }) {
    for (const candidate of candidates) candidate.rank = rankOf(candidate);
    sortByRank(candidates);
    const [first] = candidates;
    if (first === undefined || first.rank < 0 || candidates.length === 2) return;
    const one = Math.floor(random() * candidates.length);
    const other = Math.floor(random() * (candidates.length - 1));
    moveToFront(candidates, Math.min(one, other >= one ? other + 1 : other));
  },
};

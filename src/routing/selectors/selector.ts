import type { Price } from "../../prices/price.ts";
import type { Catalog } from "../catalog.ts";
import type { RequestFacts } from "../route.ts";
import type { Target } from "../target.ts";

/** What an upstream's list says of a model; `undefined` = nothing is known. */
export type FindModelFacts = Catalog["find"];

/** One of the targets that a stage's strategy chooses from. There is one for every target of a stage, used for each of its requests in turn. */
export interface Candidate {
  readonly target: Target;
  /** The turn of its stage in which it last came first; 0 = it never did. */
  lastTurn: number;
  /** What the strategy compares, measured for this request. */
  score: number | undefined;
  /** For the selector's own sorting. */
  rank: number;
}

/** What a choice looks at besides the targets themselves. */
export interface Choice {
  /** In [0, 1). */
  readonly random: () => number;
  readonly facts: RequestFacts;
  readonly findFacts: FindModelFacts;
  /** What a target costs; `undefined` = not known. */
  readonly priceOf: (target: Target) => Price | undefined;
}

/** How targets of equal priority share the requests. Nothing but `order`'s array and the candidates' ranks is changed. */
export interface Selector {
  /** What is compared, for `Candidate.score` and the trail; `undefined` = nothing, or it is not known. */
  measure(target: Target, choice: Choice): number | undefined;
  /** Puts two or more candidates into the order in which this request shall try them. */
  order(candidates: Candidate[], choice: Choice): void;
}

/** By rank, then by the turn in which they last came first, then as they are. Groups are small: no general sort is as cheap. */
export function sortByRank(candidates: Candidate[]): void {
  for (let index = 1; index < candidates.length; index += 1) {
    const candidate = candidates[index];
    if (candidate === undefined) return;
    let place = index;
    for (let before = candidates[place - 1]; place > 0; before = candidates[place - 1]) {
      if (before === undefined || !goesBefore(candidate, before)) break;
      candidates[place] = before;
      place -= 1;
    }
    candidates[place] = candidate;
  }
}

function goesBefore(left: Candidate, right: Candidate): boolean {
  return left.rank < right.rank || (left.rank === right.rank && left.lastTurn < right.lastTurn);
}

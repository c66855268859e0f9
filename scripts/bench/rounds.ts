import type { ClosedResult, StreamsResult } from "./load.ts";
import { watch } from "./machine.ts";
import type { Party } from "./parties.ts";
import { loadCore } from "./process.ts";

export interface Plan {
  requestRounds: number;
  requestSeconds: number;
  latencyRounds: number;
  latencySeconds: number;
  streamRounds: number;
  streamSeconds: number;
  starts: number;
}

/** In percent, of every block of this run. */
export const foreignShares: number[] = [];

/** Each round runs all parties once, each time beginning with another one, so that a slow spell hits all alike. */
export async function interleave<T>(
  parties: readonly Party[],
  rounds: number,
  run: (party: Party) => Promise<T>,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(parties.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < parties.length; index += 1) {
      const party = parties[(index + round) % parties.length];
      if (party === undefined) continue;
      const block = await watch(loadCore, () => run(party));
      results.get(party.name)?.push(block.result);
      foreignShares.push(block.foreign * 100);
    }
  }
  return results;
}

/** Per round, ours divided by theirs. */
export function ratios<T>(ours: readonly T[] = [], theirs: readonly T[] = [], value: (result: T) => number): number[] {
  return ours.map((result, round) => value(result) / value(theirs[round] ?? result));
}

export const perSecond = ({ requests, seconds }: ClosedResult) => requests / seconds;
export const cpuPerRequest = ({ cpuMs, requests }: ClosedResult) => (cpuMs * 1000) / requests;
export const cpuPerFrame = ({ cpuMs, frames }: StreamsResult) => (cpuMs * 1000) / frames;

export interface Goal {
  what: string;
  goal: string;
  measured: string;
  isReached: boolean;
}

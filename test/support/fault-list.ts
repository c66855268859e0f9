import { compressed, errorsInside, strangeAnswers } from "./fault-answers.ts";
import { breaks, malformed, silences } from "./fault-breaks.ts";
import { oddities } from "./fault-oddities.ts";
import { refusals } from "./fault-refusals.ts";
import type { Fault } from "./fault-scene.ts";

const faults = {
  ...silences,
  ...breaks,
  ...malformed,
  ...refusals,
  ...errorsInside,
  ...strangeAnswers,
  ...compressed,
  ...oddities,
} satisfies Record<string, Fault>;

export const faultIds: readonly string[] = Object.keys(faults);

type FaultId = keyof typeof faults;

/** The fault that a name stands for, and whether it is one that brings a whole answer. */
export function faultNamed(name: string): { play: Fault; isGood: boolean } | undefined {
  if (!Object.hasOwn(faults, name)) return undefined;
  return { play: faults[name as FaultId], isGood: Object.hasOwn(oddities, name) };
}

import { setImmediate as breathe } from "node:timers/promises";
import { GatewayError } from "../errors.ts";

/**
 * Does steps in their order, as many at once as may be. `attempt` does all of a part, or the first ones of it, and tells
 * what became of each; or it rejects with GatewayError and has done none: then smaller parts are tried, down to the step
 * that is to blame.
 */
export async function inLargeParts<Step, Outcome>(
  steps: readonly Step[],
  attempt: (part: readonly Step[]) => Promise<readonly (Outcome | GatewayError)[]>,
): Promise<(Outcome | GatewayError)[]> {
  const outcomes: (Outcome | GatewayError)[] = [];
  let size = steps.length;
  while (outcomes.length < steps.length) {
    const part = steps.slice(outcomes.length, outcomes.length + size);
    try {
      outcomes.push(...(await attempt(part)));
      size *= 2;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (part.length === 1) outcomes.push(error);
      else size = Math.ceil(part.length / 4);
    }
    // To find out whether a part is sound may take long: requests have their turn.
    await breathe();
  }
  return outcomes;
}

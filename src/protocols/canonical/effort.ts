import { efforts, type Effort, type ReasoningWish } from "./conversation.ts";

/** A budget of tokens as the effort that spends about as many. */
function effortOfBudget(budget: number): Effort {
  if (budget <= 0) return "none";
  if (budget < 2000) return "minimal";
  if (budget < 5000) return "low";
  return budget < 10_000 ? "medium" : "high";
}

/** How hard a client wants the model to think; `undefined` = it leaves that to the model. */
export function wantedEffort({ effort, budget }: ReasoningWish): Effort | undefined {
  return effort ?? (typeof budget === "number" ? effortOfBudget(budget) : undefined);
}

/**
 * The effort nearest to the wish among those that are taken, of two equally near the lower. `undefined` = all are taken;
 * of none at all the wish itself. Thinking is never turned off by rounding.
 */
export function nearestEffort(wish: Effort, taken: readonly Effort[] | undefined): Effort {
  if (taken === undefined || taken.includes(wish)) return wish;
  const rank = efforts.indexOf(wish);
  let nearest = wish;
  let least = Infinity;
  for (const [index, effort] of efforts.entries()) {
    const distance = Math.abs(index - rank);
    if (effort === "none" || distance >= least || !taken.includes(effort)) continue;
    nearest = effort;
    least = distance;
  }
  return nearest;
}

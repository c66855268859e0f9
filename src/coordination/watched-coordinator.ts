import type { Coordinator } from "./coordinator.ts";
import type { DecisionName } from "./decisions.ts";

export interface Decided {
  readonly name: DecisionName;
  readonly outcome: "made" | "failed";
  readonly milliseconds: number;
}

/** The same coordinator; every decision is told. */
export function watchedCoordinator(coordinator: Coordinator, onDecision: (decided: Decided) => void): Coordinator {
  return {
    ...coordinator,
    async decide(name, input) {
      const from = performance.now();
      let outcome: Decided["outcome"] = "failed";
      try {
        const answer = await coordinator.decide(name, input);
        outcome = "made";
        return answer;
      } finally {
        onDecision({ name, outcome, milliseconds: performance.now() - from });
      }
    },
  };
}

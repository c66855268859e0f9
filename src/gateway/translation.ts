import type { ModelTraits } from "../protocols/canonical/model-traits.ts";
import type { Target } from "../routing/target.ts";
import type { ReasoningMemory } from "./reasoning-memory.ts";
import type { StoredResponses } from "./stored-responses.ts";

/** What the translate lane works with, one for the whole gateway. */
export interface Translation {
  /** What a model takes. */
  traitsOf(target: Target): ModelTraits;
  memory: ReasoningMemory;
  responses: StoredResponses;
  /** Losses are refused unless a request says otherwise. */
  isStrict: boolean;
}

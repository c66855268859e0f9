import type { DecisionInput, DecisionName } from "../decisions.ts";

/** What a worker asks its parent. */
export type CoordinationQuestion = {
  readonly [Name in DecisionName]: { readonly decide: Name; readonly input: DecisionInput<Name> };
}[DecisionName];

export interface Published {
  readonly channel: string;
  readonly message: string;
}

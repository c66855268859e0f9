import type { DecisionInput, DecisionName } from "../decisions.ts";

/** What a worker asks its parent; the answer to `set` is nothing. */
export type CoordinationQuestion =
  | { readonly [Name in DecisionName]: { readonly decide: Name; readonly input: DecisionInput<Name> } }[DecisionName]
  | { readonly get: string }
  | { readonly set: string; readonly value: string; readonly ttlMs: number };

export interface Published {
  readonly channel: string;
  readonly message: string;
}

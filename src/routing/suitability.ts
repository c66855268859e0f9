import type { RequestFacts } from "./route.ts";
import type { FindModelFacts } from "./selectors/selector.ts";
import type { Target } from "./target.ts";

/** Why a target cannot serve a request, by what its provider's list says of the model; `undefined` = nothing speaks against it. */
export function lackOf(target: Target, facts: RequestFacts, findFacts: FindModelFacts): string | undefined {
  const known = findFacts(target.upstream, target.model);
  if (known === undefined) return undefined;
  const { contextLength, capabilities } = known;
  if (contextLength !== undefined && contextLength > 0 && facts.promptTokens() > contextLength)
    return `its context of ${contextLength} tokens is too small`;
  if (capabilities === undefined || (capabilities.tools && capabilities.vision)) return undefined;
  const needs = facts.needs();
  if (needs.tools && !capabilities.tools) return "it knows no tools";
  return needs.vision && !capabilities.vision ? "it sees no pictures" : undefined;
}

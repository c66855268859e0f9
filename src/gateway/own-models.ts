import { type ParameterRules, withParameters } from "../protocols/parameters/index.ts";
import type { ProtocolId } from "../protocols/protocol.ts";
import type { RequestFacts, Route } from "../routing/route.ts";

const ownModels: ParameterRules = { defaults: {}, overrides: {}, remove: ["models", "route"] };

interface Listed {
  readonly route: Route;
  readonly facts: RequestFacts;
}

/** A body (latin1) without OpenRouter's list of further models, where the gateway goes through it itself: its names mean nothing upstream. */
export function withoutOwnModels(body: string, protocol: ProtocolId, { route, facts }: Listed): string {
  return route.keepsModels || facts.models().length === 0 ? body : withParameters(body, protocol, ownModels);
}

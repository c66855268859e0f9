import type { GatewayError } from "../errors.ts";
import type { Lease } from "../limits/limiter.ts";
import type { Credential } from "../routing/credential.ts";
import type { Plan } from "../routing/route.ts";
import type { Place } from "./trying.ts";

/** Who could answer if there were room. */
export interface Full {
  place: Place;
  credential: Credential;
}

/** How a credential is begun with. */
export interface Started {
  credential: Credential;
  /** Its place within limits; `undefined` = none are set. */
  lease?: Lease | undefined;
  /** The first try has been made already, and has failed. */
  answer?: GatewayError | undefined;
}

/** The credentials of a target in the order they are tried; the one that affinity holds stands at -1. */
export interface Turn {
  credentials: readonly Credential[];
  held: Credential | undefined;
  index: number;
}

/** The first candidate of a request, and what became of its first try. */
export interface Begun extends Started {
  place: Place;
  turn: Turn;
  /** Its limits had no room. */
  refusal: "full" | "limited" | undefined;
}

/** How a stage is begun. */
export interface Opening {
  plan: Plan;
  begun: Begun | undefined;
}

import type { Credential } from "../routing/credential.ts";
import type { FailureKind } from "../routing/failure-kind.ts";
import type { Plan, Stage } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { TrailAttempt } from "../telemetry/trail.ts";
import type { Leg } from "./cancellation.ts";
import type { Candidate, Exchange } from "./exchange.ts";
import type { Hold } from "./hold.ts";

/** What going through targets needs of a request. */
export type Trying = Pick<
  Exchange,
  "route" | "facts" | "routing" | "demand" | "holds" | "recording" | "cancellation" | "onAttempt" | "onQueued"
>;

/** One try. Rejects with GatewayError and leaves nothing open then. */
type Attempt<T> = (candidate: Candidate) => Promise<T>;

/** What differs between kinds of requests. */
export interface Steps<T> {
  attempt: Attempt<T>;
  /** Whether an answer speaks for its target; one that only passes an upstream's refusal on does not. Default: all do. */
  isGood?: ((opened: T) => boolean) | undefined;
  /** Lets go of an answer that nobody wants any more. */
  discard: (opened: T) => void;
}

/** An answer and what is held for it. */
export interface Answered<T> {
  readonly opened: T;
  readonly hold: Hold;
}

/** How far a leg that can be overtaken has come. */
export interface Progress {
  /** Of the attempt under way; `undefined` = there is none. */
  credential: Credential | undefined;
  /** `performance.now()` */
  from: number;
}

/** Where in a stage one is. */
export interface Place {
  stage: Stage;
  plan: Plan;
  target: Target;
  leg: Leg;
  kind: TrailAttempt["kind"];
  /** Further targets or models are left after this one. */
  hasMore: boolean;
  /** A further credential of the target can be used, which only helps against what is the credential's. */
  hasOtherCredential?: boolean | undefined;
  progress?: Progress | undefined;
}

/** Failures that end a stage at once. */
export type Ending = "stopped" | "request" | "content" | "context";

/** What became of a target: an answer, or why not. */
export type Outcome<T> = Answered<T> | FailureKind;

export function isAnswered<T>(outcome: Outcome<T> | "full"): outcome is Answered<T> {
  return typeof outcome === "object";
}

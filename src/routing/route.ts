import type { Strategy } from "../config/schema-routing.ts";
import type { Scope } from "../limits/limiter.ts";
import type { TrailCandidate } from "../telemetry/trail.ts";
import type { Credential } from "./credential.ts";
import type { Target } from "./target.ts";
import type { Upstream } from "./upstream.ts";

/** What a request uses, as far as a scan of its text tells. */
export interface Needs {
  readonly tools: boolean;
  readonly vision: boolean;
  /** An answer in JSON. */
  readonly json: boolean;
}

/** What a trusted caller asks for by header. */
export interface Steering {
  /** `x-orcestator-provider`: names under `providers`, in order; empty = any. */
  readonly providers: readonly string[];
  /** `x-orcestator-strategy`. */
  readonly strategy: Strategy | undefined;
  /** `x-orcestator-timeout`: milliseconds for the whole request. */
  readonly timeoutMs: number | undefined;
  /** `x-orcestator-retries`. */
  readonly retries: number | undefined;
  /** `x-orcestator-priority`: place in queues; higher goes first, 0 is usual. */
  readonly priority: number;
}

/** What the choice of a target looks at. The functions are asked only where a rule needs them. */
export interface RequestFacts {
  readonly headers: Pick<Headers, "get">;
  readonly keyId: string;
  readonly stream: boolean;
  /** OpenRouter's `models`: names to turn to when the first has failed. */
  models(): readonly string[];
  /** Whether its `models` is no list of names, or is there twice: an upstream may find names in it that are not among those. */
  hasOddModels(): boolean;
  /** About how many tokens the prompt has. */
  promptTokens(): number;
  /** How many the answer may have, by the largest bound that an upstream may obey; where there is none, `usual`. `target`: whose parameters change the request. */
  longestAnswer(usual: number, target?: Target): number;
  /** Whether the gateway names a bound to the target where the request has none. */
  writesBound(target: Target): boolean;
  /** How many answers it wants at once. */
  answers(): number;
  needs(): Needs;
  /** What keeps requests together for prompt caches, without the model's name; `undefined` = nothing. `mode` as configured. */
  affinityKey(mode: "session" | "prompt"): string | undefined;
  readonly steering: Steering | undefined;
}

/** One model of a route, with everything that its configuration says of it. */
export interface Stage {
  /** The alias, or the name itself. */
  readonly model: string;
  readonly targets: readonly Target[];
  readonly strategy: Strategy;
  readonly affinity: "session" | "prompt" | "off";
  /** 0 = off. */
  readonly hedgeAfterMs: number;
  readonly singleFlight: boolean;
  /** The model's own limits; `undefined` = none. */
  readonly scope: Scope | undefined;
}

/** Where a request may go. */
export interface Route {
  /** What `model` says in the answer: a name the client may ask for again. */
  readonly modelShown: string;
  /** The model asked for. */
  readonly first: Stage;
  /** What made another model of the one asked for, for the trail. */
  readonly routedBy: string | undefined;
  /** OpenRouter's `models` stays in the request: the upstream itself goes through it. */
  readonly keepsModels: boolean;
  /** The further models of such a list: any of them may answer, and has its own price. */
  readonly keptModels: readonly Stage[];
  /** Models to turn to when all targets of the ones before failed, in order; never one twice. */
  fallbacks(reason: "failed" | "content" | "context"): readonly Stage[];
}

/** The targets of one stage in the order they shall be tried for one request. */
export interface Plan {
  /** Usable ones: priority groups, healthy before degraded, then by strategy; the one that affinity holds first in its group. */
  readonly inOrder: readonly Target[];
  /** Blocked ones (circuit open, every credential blocked), least bad first: only when nothing else is left. */
  readonly lastResort: readonly Target[];
  /** The credential that affinity holds at the first target. */
  readonly credential: Credential | undefined;
  readonly affinity: "kept" | "moved" | undefined;
  /** All targets with state, score and why they were left out; made when asked for. */
  explain(): TrailCandidate[];
  /** The same as JSON text, made without the objects: every request of a model with several targets is written down. */
  explainText(): string;
}

/** Who answered a request. */
export interface Answered {
  readonly target: Target;
  readonly credential: Credential;
  /** The answer's id as the client was told it: a request that names it as the one before belongs there too. */
  readonly responseId?: string | undefined;
}

export interface Planner {
  plan(stage: Stage, facts: RequestFacts): Plan;
  /** A request was answered: later ones that belong together go there too. */
  keep(stage: Stage, facts: RequestFacts, answered: Answered): void;
}

export interface RouteTable {
  readonly upstreams: readonly Upstream[];
  /** Names that clients may ask for, wildcards not among them, as configured. */
  readonly aliases: ReadonlyMap<string, Stage>;
  /** Throws GatewayError: 404 for a name that nobody serves, 400 for steering to a provider that does not serve it. */
  resolve(asked: string | undefined, facts: RequestFacts): Route;
}

/** Why a request went where it went: every decision, in the order it was taken. Times are milliseconds since the request's arrival. */
export interface Trail {
  /** What made another model of the one asked for: `routes[2]`, `x-orcestator-provider`, … */
  routedBy: string | undefined;
  /** The alias that was resolved, or the name itself. */
  model: string;
  /** Empty where it was not written down. */
  strategy: string;
  /** Whether an earlier request's target was kept to: `kept`, `moved` (it could not be), or nothing to keep to. */
  affinity: "kept" | "moved" | undefined;
  candidates: TrailCandidate[];
  attempts: TrailAttempt[];
  /** `for` ends the sentence "Waited for …": `a place at ollama`. */
  waits: { for: string; atMs: number; ms: number }[];
  /** `same`, `translate`, or what a request without a conversation does. */
  lane: string | undefined;
  /** Other models that were turned to, in order. `because` ends the sentence "… because …": `the prompt was too long`. */
  fallbacks?:
    | { model: string; because: string | undefined; atMs: number; attemptsBefore?: number | undefined }[]
    | undefined;
  /** How many entries were left out because the whole was too long to be kept. */
  omitted?: { candidates: number; attempts: number; waits: number } | undefined;
}

export interface TrailCandidate {
  provider: string;
  model: string;
  /** `healthy`, `degraded`, `unhealthy` and so on when the choice was made. */
  state: string;
  /** What its strategy compares (weight, load, milliseconds, dollars); `undefined` where it compares nothing. */
  score: number | undefined;
  /** Why it was not tried; `undefined` for those that were in line. */
  skipped: string | undefined;
}

export interface TrailAttempt {
  provider: string;
  model: string;
  /** Label of the credential, never the key. */
  credential: string;
  kind: "first" | "retry" | "failover" | "hedge" | "last_resort";
  atMs: number;
  /** Until its answer began (a stream's first content, else the whole answer) or it was given up. */
  ms: number;
  /** `ok`, `called_off` (another one was faster), or an error code. */
  outcome: string;
  /** Status the upstream answered with, where it answered. */
  status: number | undefined;
  /** What it said, without secrets. */
  cause: string | undefined;
}

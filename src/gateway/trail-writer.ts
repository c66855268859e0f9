import { GatewayError } from "../errors.ts";
import type { LimitRefusal } from "../limits/limiter.ts";
import type { Credential } from "../routing/credential.ts";
import type { Plan, Stage } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Trail, TrailAttempt } from "../telemetry/trail.ts";
import type { Trying } from "./trying.ts";
import type { Recording } from "./recording.ts";

interface Attempted {
  target: Target;
  credential: Credential;
  kind: TrailAttempt["kind"];
  /** `performance.now()` when it began. */
  from: number;
  outcome: "ok" | "called_off" | GatewayError;
  /** Another target may be at work at the same time. */
  isRaced?: boolean | undefined;
}

const longestCause = 300;

export type FallbackReason = "failed" | "content" | "context";

const becauseTexts: Readonly<Record<FallbackReason, string>> = {
  failed: "all targets before had failed",
  content: "the content was refused",
  context: "the prompt was too long",
};

function statusOf(error: GatewayError): number | undefined {
  const status = error.details?.["upstreamStatus"];
  return typeof status === "number" ? status : undefined;
}

function sinceArrival({ startedTick }: Recording, tick: number): number {
  return Math.max(0, Math.round(tick - startedTick));
}

/** The trail of a request, begun when there is the first thing to say. */
function trailOf({ recording, route }: Pick<Trying, "recording" | "route">): Trail {
  return (recording.record.trail ??= {
    routedBy: route.routedBy,
    model: route.first.model,
    strategy: route.first.strategy,
    affinity: undefined,
    candidates: [],
    attempts: [],
    waits: [],
    lane: undefined,
  });
}

function addPlan(trail: Trail, plan: Plan): void {
  trail.affinity ??= plan.affinity;
  trail.candidates.push(...plan.explain());
}

/** A request waited for something that was not the upstream's answer, since `from` (`performance.now()`). */
export function noteWait(
  request: Pick<Trying, "recording" | "route">,
  { what, from }: { what: string; from: number },
): void {
  const ms = performance.now() - from;
  request.recording.waited(ms);
  trailOf(request).waits.push({ for: what, atMs: sinceArrival(request.recording, from), ms: Math.round(ms) });
}

let lastModel = "";
let lastModelText = '""';

/** As JSON; most requests ask for what the one before them asked for. */
function modelText(model: string): string {
  if (model !== lastModel) {
    lastModel = model;
    lastModelText = JSON.stringify(model.slice(0, 1000));
  }
  return lastModelText;
}

/** Writes down why a request went where it went. Costs nothing where there was nothing to decide: one target that answered. */
export class TrailWriter {
  private readonly trying: Trying;
  private plan: Plan | undefined;
  /** There was something to decide. */
  private hasChoice = false;

  constructor(trying: Trying) {
    this.trying = trying;
  }

  /** A model's targets were put in order. */
  staged(stage: Stage, { plan, because }: { plan: Plan; because: FallbackReason | undefined }): void {
    this.plan = plan;
    const { recording, route } = this.trying;
    if (because !== undefined) {
      const atMs = sinceArrival(recording, performance.now());
      const trail = trailOf(this.trying);
      const attemptsBefore = trail.attempts.length;
      (trail.fallbacks ??= []).push({ model: stage.model, because: becauseTexts[because], atMs, attemptsBefore });
    }
    const { trail } = recording.record;
    this.hasChoice = stage.targets.length > 1 || route.routedBy !== undefined;
    if (trail !== undefined) addPlan(trail, plan);
    else if (plan.lastResort.length > 0) this.open();
  }

  limited({ upstream, model }: Target, { scope, by, retryAfterMs }: LimitRefusal): void {
    const trail = this.open();
    const candidate = trail.candidates.findLast((one) => one.provider === upstream.name && one.model === model);
    if (candidate !== undefined)
      candidate.skipped = `${scope.kind} limit ${by} used up, free in ${Math.ceil(retryAfterMs / 1000)} s`;
  }

  /** Waited since `from` (`performance.now()`). */
  waited(what: string, from: number): void {
    this.open();
    noteWait(this.trying, { what, from });
  }

  attempted({ target, credential, kind, from, outcome, isRaced = false }: Attempted): void {
    const isFirst = outcome === "ok" && kind === "first" && !isRaced;
    const isPlain = isFirst && this.trying.recording.record.trail === undefined;
    if (isPlain) {
      if (this.hasChoice) this.noteChoice();
      return;
    }
    const error = outcome instanceof GatewayError ? outcome : undefined;
    const trail = this.open();
    trail.attempts.push({
      provider: target.upstream.name,
      model: target.model,
      credential: credential.label,
      kind,
      atMs: sinceArrival(this.trying.recording, from),
      ms: Math.round(performance.now() - from),
      outcome: typeof outcome === "string" ? outcome : outcome.code,
      status: error && statusOf(error),
      cause: outcome === "called_off" ? this.spentText(target) : this.causeText(error),
    });
  }

  /** The first choice has answered: what there was to choose from is all there is to tell. */
  private noteChoice(): void {
    const { recording, route } = this.trying;
    const { affinity } = this.plan ?? {};
    const facts =
      (route.routedBy === undefined ? "" : `"routedBy":${JSON.stringify(route.routedBy)},`) +
      (affinity === undefined ? "" : `"affinity":"${affinity}",`);
    const model = modelText(route.first.model);
    const candidates = this.plan?.explainText() ?? "[]";
    recording.record.packedTrail = `{"model":${model},"strategy":"${route.first.strategy}",${facts}"candidates":${candidates},"attempts":[],"waits":[]}`;
  }

  private causeText(error: GatewayError | undefined): string | undefined {
    return error && this.trying.recording.causeOf(error).slice(0, longestCause);
  }

  /** What a request that was called off may have cost. */
  private spentText(target: Target): string {
    const tokens = this.trying.facts.promptTokens();
    const price = this.trying.routing.priceOf(target);
    const cost = price === undefined ? "" : `, about $${((tokens * price.input) / 1_000_000).toPrecision(2)}`;
    return `had been sent about ${tokens} prompt tokens${cost}`;
  }

  private open(): Trail {
    const { recording } = this.trying;
    if (recording.record.trail !== undefined) return recording.record.trail;
    const trail = trailOf(this.trying);
    if (this.plan !== undefined) addPlan(trail, this.plan);
    return trail;
  }
}

import { GatewayError } from "../errors.ts";
import type { Credential } from "../routing/credential.ts";
import type { FailureKind } from "../routing/failure-kind.ts";
import type { Plan, Stage } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Begun, Full, Opening, Started, Turn } from "./begun.ts";
import { CandidateLeases, type Taken } from "./candidate-leases.ts";
import { pause } from "./cancellation.ts";
import { hedged } from "./hedge.ts";
import { kindOf, waitBeforeRepeat } from "./retry.ts";
import { type FallbackReason, TrailWriter } from "./trail-writer.ts";
import { Tried } from "./tried.ts";
import { Tries } from "./tries.ts";
import { type Answered, type Ending, isAnswered, type Outcome, type Place, type Steps, type Trying } from "./trying.ts";

/** One request must not become a hundred: clients may name many models. */
const mostAttempts = 20;

/** One request's way through models, targets and credentials. */
export class Journey<T> {
  readonly trying: Trying;
  readonly trail: TrailWriter;
  readonly discard: (opened: T) => void;
  private readonly tries: Tries<T>;
  private readonly tried = new Tried();
  private readonly leases: CandidateLeases;
  /** Why a further model is turned to. */
  private because: FallbackReason = "failed";
  /** Models that were turned to so far. */
  private turnedTo: string[] | undefined;
  /** Candidates of this model that only lacked a place. */
  private full: Full[] | undefined;

  constructor(trying: Trying, steps: Steps<T>) {
    this.trying = trying;
    this.discard = steps.discard;
    this.trail = new TrailWriter(trying);
    const notes = { tried: this.tried, trail: this.trail };
    this.leases = new CandidateLeases(trying, notes);
    this.tries = new Tries(trying, steps, notes);
  }

  async run(): Promise<T> {
    const { first } = this.trying.route;
    const plan = this.planOf(first);
    const beginning = this.begin(first, plan);
    const begun = beginning instanceof Promise ? await beginning : beginning;
    if (begun !== undefined && begun.refusal === undefined) {
      // Nearly every request is answered by the first it asks. Each layer less on the way there is a promise less.
      const answer = await this.tries.once(begun.place, {
        credential: begun.credential,
        lease: begun.lease,
        repeat: 0,
      });
      if (!(answer instanceof GatewayError)) return this.answered(answer, first);
      begun.answer = answer;
    }
    const queue: Stage[] = [first];
    for (let stage = queue.shift(); stage !== undefined; stage = queue.shift()) {
      const outcome = await (stage === first
        ? this.tryStage(stage, queue, { plan, begun })
        : this.tryStage(stage, queue, { plan: this.planOf(stage), begun: undefined }));
      if (isAnswered(outcome)) return this.answered(outcome, stage);
      this.turn(outcome, stage, queue);
      if (this.trying.recording.record.attempts >= mostAttempts) break;
    }
    throw this.tried.final();
  }

  private answered({ opened, hold }: Answered<T>, stage: Stage): T {
    const { holds, routing, facts } = this.trying;
    holds.answer({ hold, stage, facts });
    routing.planner.keep(stage, facts, hold);
    return opened;
  }

  /** The first candidate with its place; `undefined` where two are asked at once, or only a last resort is left. */
  private begin(stage: Stage, plan: Plan): Begun | Promise<Begun> | undefined {
    const [target] = plan.inOrder;
    if (target === undefined || stage.hedgeAfterMs > 0) return undefined;
    const { route, cancellation } = this.trying;
    const turn = this.turnOf(plan, target);
    const { credentials, held, index } = turn;
    const credential = held ?? credentials[0];
    if (credential === undefined || credential.isBlocked(target.model)) return undefined;
    const hasMore = plan.inOrder.length > 1 || plan.lastResort.length > 0 || route.fallbacks("failed").length > 0;
    const hasOtherCredential = credentials.length > 1 && this.hasUsableAfter(target.model, turn, index);
    const place: Place = { stage, plan, target, leg: cancellation, kind: "first", hasMore, hasOtherCredential };
    const begunWith = (taken: Taken): Begun =>
      typeof taken === "string"
        ? { place, turn, credential, lease: undefined, refusal: taken, answer: undefined }
        : { place, turn, credential, lease: taken, refusal: undefined, answer: undefined };
    const taken = this.leases.take(place, credential);
    return taken instanceof Promise ? taken.then(begunWith) : begunWith(taken);
  }

  private turnOf(plan: Plan, target: Target): Turn {
    const credentials = target.upstream.credentials.inTurn(target.model);
    const held = plan.credential !== undefined && plan.inOrder[0] === target ? plan.credential : undefined;
    return { credentials, held, index: held === undefined ? 0 : -1 };
  }

  /** What comes after a stage without an answer; throws where nothing may. */
  private turn(outcome: FailureKind, stage: Stage, queue: Stage[]): void {
    const { route } = this.trying;
    if (outcome === "stopped" || outcome === "request") throw this.tried.final();
    (this.turnedTo ??= []).push(stage.model);
    if (outcome === "content" || outcome === "context") {
      this.because = outcome;
      queue.length = 0;
      queue.push(...this.notYet(route.fallbacks(outcome)));
    } else if (stage === route.first) queue.push(...route.fallbacks("failed"));
  }

  /** A model that has failed is no fallback a second time, whatever for. */
  private notYet(stages: readonly Stage[]): Stage[] {
    return stages.filter(({ model }) => this.turnedTo?.includes(model) !== true);
  }

  private planOf(stage: Stage): Plan {
    const { route, routing, facts } = this.trying;
    const plan = routing.planner.plan(stage, facts);
    this.trail.staged(stage, { plan, because: stage === route.first ? undefined : this.because });
    return plan;
  }

  private async tryStage(stage: Stage, queue: readonly Stage[], { plan, begun }: Opening): Promise<Outcome<T>> {
    const { route, cancellation } = this.trying;
    this.full = undefined;
    const isLastStage = queue.length === 0 && (stage !== route.first || route.fallbacks("failed").length === 0);
    const { inOrder, lastResort } = plan;
    const resort = lastResort[0];
    const isMoreLeft = resort !== undefined || !isLastStage;
    let outcome: Outcome<T> | "full" = "target";
    for (let index = 0; index < inOrder.length; index += 1) {
      const target = inOrder[index];
      if (target === undefined) break;
      const hasMore = index < inOrder.length - 1 || isMoreLeft;
      const place: Place = { stage, plan, target, leg: cancellation, kind: "first", hasMore };
      const next = inOrder[index + 1];
      if (stage.hedgeAfterMs > 0 && next !== undefined && index === 0) {
        const second = { ...place, target: next, hasMore: inOrder.length > 2 || isMoreLeft };
        outcome = await hedged(this, place, second);
        index += 1;
      } else outcome = await this.tryTarget(place, index === 0 ? begun : undefined);
      if (isAnswered(outcome) || this.isFinal(outcome)) return outcome;
    }
    outcome = await this.tryFull(outcome, isMoreLeft);
    if (isAnswered(outcome) || this.isFinal(outcome)) return outcome;
    if (resort !== undefined) {
      this.tried.resorted(resort, lastResort.slice(1));
      const place: Place = {
        stage,
        plan,
        target: resort,
        leg: cancellation,
        kind: "last_resort",
        hasMore: !isLastStage,
      };
      outcome = await this.tryFull(await this.tryTarget(place), !isLastStage);
    }
    return outcome === "full" ? "target" : outcome;
  }

  /** Those that were busy when all others had failed: waits for the first of them, and turns to the others when it fails too. */
  private async tryFull(before: Outcome<T> | "full", hasMore: boolean): Promise<Outcome<T> | "full"> {
    const { full } = this;
    this.full = undefined;
    if (full === undefined || isAnswered(before) || this.isFinal(before)) return before;
    let outcome: Outcome<T> | "full" = before;
    let asked: Target | undefined;
    for (const [index, { place, credential }] of full.entries()) {
      // Another credential helps only against what was the credential's.
      if (place.target === asked && outcome !== "credential" && outcome !== "limited") continue;
      asked = place.target;
      const left = { ...place, leg: this.trying.cancellation, hasMore: hasMore || index < full.length - 1 };
      outcome = await this.waitForPlace(left, credential);
      // Who has waited in vain does not wait once more.
      if (outcome === "full" || isAnswered(outcome) || this.isFinal(outcome)) break;
    }
    return outcome;
  }

  /** Nothing of this model is tried after it. */
  isFinal(outcome: FailureKind | "full"): outcome is Ending {
    return outcome === "stopped" || outcome === "request" || outcome === "content" || outcome === "context";
  }

  /** Goes through a target's credentials; `begun` = with the first of them it has begun already. */
  async tryTarget(place: Place, begun?: Begun): Promise<Outcome<T> | "full"> {
    const { target, plan, kind } = place;
    const turn = begun?.turn ?? this.turnOf(plan, target);
    const { credentials, held } = turn;
    let outcome: Outcome<T> | "full" = "unsuited";
    let isFirst = true;
    for (let { index } = turn; index < credentials.length; index += 1) {
      const credential = index < 0 ? held : credentials[index];
      if (credential === undefined || (index >= 0 && credential === held)) continue;
      const isBegun = isFirst && begun !== undefined;
      // Blocked ones stand at the end; the least bad of them is tried only where nothing else is left.
      if (!isBegun && credential.isBlocked(target.model) && !(isFirst && kind === "last_resort")) break;
      isFirst = false;
      const hasOtherCredential = this.hasUsableAfter(target.model, turn, index);
      const own: Place = { ...place, hasOtherCredential };
      outcome = isBegun ? await this.goOn(own, begun) : await this.tryWithin(own, credential);
      if (outcome !== "credential" && outcome !== "limited" && outcome !== "full") return outcome;
    }
    return outcome;
  }

  private goOn(place: Place, begun: Begun): Promise<Outcome<T>> | "full" | "limited" {
    if (begun.refusal === "full") (this.full ??= []).push({ place, credential: begun.credential });
    return begun.refusal ?? this.repeat(place, begun);
  }

  private hasUsableAfter(model: string, { credentials, held }: Turn, index: number): boolean {
    for (let next = index + 1; next < credentials.length; next += 1) {
      const credential = credentials[next];
      if (credential !== undefined && credential !== held) return !credential.isBlocked(model);
    }
    return false;
  }

  /** One credential, if its limits and its provider's have room. */
  private tryWithin(place: Place, credential: Credential): Promise<Outcome<T> | "full"> | "full" | "limited" {
    const taken = this.leases.take(place, credential);
    if (!(taken instanceof Promise)) return this.tryWith(place, credential, taken);
    return taken.then<Outcome<T> | "full">((lease) => this.tryWith(place, credential, lease));
  }

  private tryWith(place: Place, credential: Credential, lease: Taken): Promise<Outcome<T>> | "full" | "limited" {
    if (lease === "full") {
      (this.full ??= []).push({ place, credential });
      return "full";
    }
    return lease === "limited" ? "limited" : this.repeat(place, { credential, lease });
  }

  /** Waits for a place; `full` = in vain. */
  private async waitForPlace(place: Place, credential: Credential): Promise<Outcome<T> | "full"> {
    const lease = await this.leases.inTurn(place, credential);
    return typeof lease === "string" ? lease : this.repeat(place, { credential, lease });
  }

  /** Repeats on one target with one credential. */
  private async repeat(place: Place, { credential, lease: first, answer: known }: Started): Promise<Outcome<T>> {
    const { target, leg } = place;
    let lease = first;
    for (let repeat = 0; ; repeat += 1) {
      const isKnown = repeat === 0 && known !== undefined;
      const answer = isKnown ? known : await this.tries.once(place, { credential, lease, repeat });
      if (!(answer instanceof GatewayError)) return answer;
      const kind = kindOf(answer);
      const waitMs = waitBeforeRepeat(this.trying, answer, { ...place, repeat });
      if (waitMs === undefined) return leg.reason() === undefined ? kind : "stopped";
      await pause(waitMs, leg);
      const stopped = leg.reason();
      if (stopped !== undefined) {
        this.tried.failed(target, stopped);
        return "stopped";
      }
      const again = await this.leases.again(place, credential);
      if (again === "stopped") return "stopped";
      if (again === "full" || again === "limited") return kind;
      this.trying.recording.record.retries += 1;
      this.trying.routing.onStep({ kind: "retry", provider: target.upstream.name });
      lease = again;
    }
  }
}

/** Goes through targets and their credentials until one answers. Rejects with the GatewayError to tell the client. */
export function openWithFailover<T>(trying: Trying, steps: Steps<T>): Promise<T> {
  return new Journey(trying, steps).run();
}

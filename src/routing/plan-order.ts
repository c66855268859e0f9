import type { TrailCandidate } from "../telemetry/trail.ts";
import { barrierOf, barrierTexts, usableFrom, type Barrier } from "./barrier.ts";
import type { Credential } from "./credential.ts";
import type { HealthStatus } from "./health/health.ts";
import type { Plan, Stage } from "./route.ts";
import { selectors } from "./selectors/registry.ts";
import type { Candidate, Choice, Selector } from "./selectors/selector.ts";
import { lackOf } from "./suitability.ts";
import type { Target } from "./target.ts";

/** What was found of one target, for whoever asks later. */
interface Note {
  readonly target: Target;
  readonly status: HealthStatus;
  readonly score: number | undefined;
  readonly skipped: string | undefined;
}

function isSpare({ weight }: Target): boolean {
  return weight <= 0;
}

function compareGroups(
  { target: left }: Pick<Candidate, "target">,
  { target: right }: Pick<Candidate, "target">,
): number {
  return left.priority - right.priority || Number(isSpare(left)) - Number(isSpare(right));
}

function isOfGroup(other: Target | undefined, target: Target): boolean {
  return other !== undefined && compareGroups({ target: other }, { target }) === 0;
}

/** Names as JSON, written once for each target. */
const nameTexts = new WeakMap<Target, string>();

function nameText(target: Target): string {
  let text = nameTexts.get(target);
  if (text === undefined) {
    text = `"provider":${JSON.stringify(target.upstream.name)},"model":${JSON.stringify(target.model)}`;
    nameTexts.set(target, text);
  }
  return text;
}

function noteText({ target, status, score, skipped }: Note): string {
  const measured = score === undefined || !Number.isFinite(score) ? "" : `,"score":${score}`;
  const left = skipped === undefined ? "" : `,"skipped":${JSON.stringify(skipped)}`;
  return `{${nameText(target)},"state":"${status}"${measured}${left}}`;
}

/** An order of several targets. */
export class TargetPlan implements Plan {
  readonly inOrder: Target[] = [];
  readonly lastResort: Target[] = [];
  credential: Credential | undefined = undefined;
  affinity: Plan["affinity"] = undefined;
  /** In the order of their stage. */
  readonly notes: Note[] = [];

  /** Puts a usable target before the others of its group. Returns whether it is the first of all now. */
  prefer(target: Target): boolean {
    const from = this.inOrder.indexOf(target);
    let to = from;
    while (to > 0 && isOfGroup(this.inOrder[to - 1], target)) to -= 1;
    this.move(from, to);
    return to === 0;
  }

  /** Puts a usable target before all others, for the sake of a credential. */
  keep(target: Target, credential: Credential): void {
    this.move(this.inOrder.indexOf(target), 0);
    this.credential = credential;
    this.affinity = "kept";
  }

  private move(from: number, to: number): void {
    const target = this.inOrder[from];
    if (target === undefined) return;
    this.inOrder.copyWithin(to + 1, to, from);
    this.inOrder[to] = target;
  }

  explainText(): string {
    let text = "";
    const add = (target: Target): void => {
      for (const note of this.notes) if (note.target === target) text += `${text === "" ? "" : ","}${noteText(note)}`;
    };
    for (const target of this.inOrder) add(target);
    for (const target of this.lastResort) add(target);
    if (this.inOrder.length + this.lastResort.length < this.notes.length)
      for (const { target } of this.notes) if (!this.isInLine(target)) add(target);
    return `[${text}]`;
  }

  private isInLine(target: Target): boolean {
    return this.inOrder.includes(target) || this.lastResort.includes(target);
  }

  explain(): TrailCandidate[] {
    const line = [...this.inOrder, ...this.lastResort];
    const left = this.notes.filter(({ target }) => !line.includes(target));
    const inLine = line.flatMap((target) => this.notes.filter((note) => note.target === target));
    return [...inLine, ...left].map(({ target: { upstream, model }, status, score, skipped }) => {
      return { provider: upstream.name, model, state: status, score, skipped };
    });
  }
}

/** A target of a stage, and what is found of it for the request that is planned. */
interface Standing extends Candidate {
  status: HealthStatus;
  barrier: Barrier | undefined;
  /** Why it cannot serve the request. */
  lack: string | undefined;
  /** Epoch milliseconds from which it is worth a try; of blocked ones. */
  from: number;
}

function standingOf(target: Target): Standing {
  const candidate: Candidate = { target, lastTurn: 0, score: undefined, rank: 0 };
  return { ...candidate, status: "healthy", barrier: undefined, lack: undefined, from: 0 };
}

/** The targets of one stage and whose turn it was, from request to request. Planning is never interrupted: all plans use the same lists. */
export class StageOrder {
  private readonly selector: Selector;
  /** By priority, those of weight 0 behind the others of theirs; else as they are written. */
  private readonly standings: readonly Standing[];
  private readonly due: Standing[] = [];
  private readonly healthy: Standing[] = [];
  private readonly degraded: Standing[] = [];
  private readonly blocked: Standing[] = [];
  private turn = 0;

  constructor({ targets, strategy }: Stage) {
    this.selector = selectors[strategy];
    this.standings = targets.map(standingOf).sort(compareGroups);
  }

  plan(choice: Choice): TargetPlan {
    const plan = new TargetPlan();
    const leavesOut = this.examine(choice);
    let group: Standing | undefined;
    for (const standing of this.standings) {
      const { target, status, score, barrier, lack } = standing;
      const isLeftOut = leavesOut && lack !== undefined;
      plan.notes.push({ target, status, score, skipped: isLeftOut ? lack : barrier && barrierTexts[barrier] });
      if (isLeftOut) continue;
      if (group !== undefined && compareGroups(group, standing) !== 0) this.closeGroup(plan, choice);
      group = standing;
      this.listFor(standing).push(standing);
    }
    this.closeGroup(plan, choice);
    this.addBlocked(plan);
    return plan;
  }

  /** This target came first. */
  took(target: Target | undefined): void {
    this.turn += 1;
    for (const standing of this.standings) if (standing.target === target) standing.lastTurn = this.turn;
  }

  /** Finds out how all stand. Returns whether those that cannot serve the request may be left out: another one can. */
  private examine(choice: Choice): boolean {
    let isAnySuited = false;
    for (const standing of this.standings) {
      const { target } = standing;
      standing.status = target.health.status();
      standing.barrier = barrierOf(target);
      standing.lack = lackOf(target, choice.facts, choice.findFacts);
      standing.score = this.selector.measure(target, choice);
      isAnySuited ||= standing.barrier === undefined && standing.lack === undefined;
    }
    return isAnySuited;
  }

  private listFor({ target, status, barrier }: Standing): Standing[] {
    if (barrier !== undefined) return this.blocked;
    // One that shall be tried again comes first, once.
    if (target.health.isProbeDue()) return this.due;
    return status === "degraded" ? this.degraded : this.healthy;
  }

  private closeGroup(plan: TargetPlan, choice: Choice): void {
    this.addOrdered(this.due, plan, choice);
    this.addOrdered(this.healthy, plan, choice);
    this.addOrdered(this.degraded, plan, choice);
  }

  private addOrdered(standings: Standing[], plan: TargetPlan, choice: Choice): void {
    if (standings.length > 1) this.selector.order(standings, choice);
    for (const { target } of standings) plan.inOrder.push(target);
    standings.length = 0;
  }

  private addBlocked(plan: TargetPlan): void {
    const { blocked } = this;
    if (blocked.length > 1) {
      for (const standing of blocked) standing.from = usableFrom(standing.target);
      blocked.sort((left, right) => left.from - right.from);
    }
    for (const { target } of blocked) plan.lastResort.push(target);
    blocked.length = 0;
  }
}

import type { TrailCandidate } from "../telemetry/trail.ts";
import { createAffinity, type AffinityMemory, type Held } from "./affinity.ts";
import { barrierOf, barrierTexts, type Barrier } from "./barrier.ts";
import type { Credential } from "./credential.ts";
import type { HealthStatus } from "./health/health.ts";
import { StageOrder, type TargetPlan } from "./plan-order.ts";
import type { Plan, Planner, RequestFacts, Stage } from "./route.ts";
import type { Choice, FindModelFacts } from "./selectors/selector.ts";
import type { Target } from "./target.ts";

export interface PlannerOptions {
  affinity: {
    memory: AffinityMemory;
    /** How long a target is remembered after its last use. */
    ttlMs: number;
  };
  /** What the upstreams' lists say of a model. */
  findFacts?: FindModelFacts | undefined;
  /** What a target costs. */
  priceOf?: Choice["priceOf"] | undefined;
  /** In [0, 1). */
  random?: () => number;
}

const noTargets: readonly Target[] = Object.freeze([]);

/** Where there is only one target there is nothing to choose. */
class OnlyPlan implements Plan {
  readonly inOrder: readonly Target[];
  readonly lastResort: readonly Target[];
  credential: Credential | undefined = undefined;
  affinity: Plan["affinity"] = undefined;
  private readonly barrier: Barrier | undefined;
  private readonly status: HealthStatus;

  constructor(targets: readonly Target[], target: Target) {
    this.barrier = barrierOf(target);
    this.status = target.health.status();
    this.inOrder = this.barrier === undefined ? targets : noTargets;
    this.lastResort = this.barrier === undefined ? noTargets : targets;
  }

  explainText(): string {
    return JSON.stringify(this.explain());
  }

  explain(): TrailCandidate[] {
    const target = this.inOrder[0] ?? this.lastResort[0];
    if (target === undefined) return [];
    const { upstream, model } = target;
    const skipped = this.barrier && barrierTexts[this.barrier];
    return [{ provider: upstream.name, model, state: this.status, score: undefined, skipped }];
  }
}

/** The credential that was used before, where it can be used again. */
function heldCredential({ upstream, model }: Target, { credential: label }: Held): Credential | undefined {
  for (const credential of upstream.credentials.credentials)
    if (credential.label === label) return credential.isBlocked(model) ? undefined : credential;
  return undefined;
}

function isHeld(target: Target, held: Held): boolean {
  return target.model === held.model && target.upstream.name === held.provider;
}

/** The target that answered before, where it is in line. */
function heldTarget({ inOrder }: TargetPlan, held: Held): Target | undefined {
  for (const target of inOrder) if (isHeld(target, held)) return target;
  return undefined;
}

interface Asked {
  readonly stage: Stage;
  readonly facts: RequestFacts;
}

/** Who goes first for one request, and who comes after. */
export function createPlanner({
  affinity: settings,
  findFacts,
  priceOf,
  random = Math.random,
}: PlannerOptions): Planner {
  const affinity = createAffinity(settings);
  const find = findFacts ?? (() => undefined);
  const price = priceOf ?? (() => undefined);
  const orders = new WeakMap<Stage, StageOrder>();

  function planOnly(stage: Stage, target: Target, facts: RequestFacts): Plan {
    const plan = new OnlyPlan(stage.targets, target);
    const held = affinity.heldFor(stage, facts);
    if (held === undefined) return plan;
    if (plan.inOrder.length > 0 && isHeld(target, held)) plan.credential = heldCredential(target, held);
    plan.affinity = plan.credential === undefined ? "moved" : "kept";
    return plan;
  }

  function orderOf(stage: Stage): StageOrder {
    let order = orders.get(stage);
    if (order === undefined) {
      order = new StageOrder(stage);
      orders.set(stage, order);
    }
    return order;
  }

  /**
   * Puts the target that answered before to the front of its group, where it is in line and its credential can be used.
   * It is kept to where that is the first group: what went elsewhere while better targets were down comes back to them.
   * What is bound to it goes there in any case.
   */
  function preferHeld(plan: TargetPlan, held: Held, { stage, facts }: Asked): void {
    plan.affinity = "moved";
    const target = heldTarget(plan, held);
    const credential = target && heldCredential(target, held);
    if (target === undefined || credential === undefined) return;
    if (plan.prefer(target) || affinity.isBound(stage, facts)) plan.keep(target, credential);
  }

  function planAmong(stage: Stage, facts: RequestFacts): Plan {
    const order = orderOf(stage);
    const plan = order.plan({ facts, random, findFacts: find, priceOf: price });
    const held = affinity.heldFor(stage, facts);
    if (held !== undefined) preferHeld(plan, held, { stage, facts });
    order.took(plan.inOrder[0]);
    return plan;
  }

  return {
    plan(stage, facts) {
      const [target] = stage.targets;
      if (stage.targets.length === 1 && target !== undefined) return planOnly(stage, target, facts);
      return planAmong(stage, facts);
    },
    keep: (stage, facts, answered) => affinity.keep(stage, facts, answered),
  };
}

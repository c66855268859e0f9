import { GatewayError } from "../errors.ts";
import type { KeyGrant } from "../keys/virtual-key.ts";
import { budgetError } from "../limits/budget-error.ts";
import type { BudgetLease } from "../limits/budget-lease.ts";
import { type BudgetOwner, type BudgetRefusal, isBudgetRefusal } from "../limits/budget-ledger.ts";
import { budgetOwner } from "../limits/budget-owner.ts";
import type { ReserveMoney } from "../limits/shared-budgets.ts";
import type { Price } from "../prices/price.ts";
import type { RequestFacts, Route } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Operation, RequestRecord } from "../telemetry/request-record.ts";
import { checkEndpoint, checkModelList, checkModels, checkOpaque, hasModels } from "./key-rules.ts";
import { type AnswerTokensAt, type Estimate, estimateOf } from "./request-estimate.ts";

/** What a virtual key is asked for. */
export interface KeyDemand {
  readonly operation: Operation;
  /** As the client names it; `undefined` = the usual one. */
  readonly model: string | undefined;
  readonly route: Route;
  readonly facts: RequestFacts;
  /** The request is over after that. */
  readonly totalMs: number;
  /** Nothing is charged for it. */
  readonly isFree?: boolean | undefined;
  /** Of an `opaque` one: what the gateway itself would ask one model, and nothing that the provider keeps. */
  readonly isModelCall?: boolean | undefined;
}

/**
 * Lets a key's request in, and sets aside what it may cost; `undefined` = no budget bounds it, a promise only where several
 * gateways decide together. Throws or rejects with GatewayError: 400, 403, 429, 503.
 */
export type AdmitKey = (grant: KeyGrant, demand: KeyDemand) => RequestCharge | Promise<RequestCharge> | undefined;

const called = ["ok", "called_off", "client_cancelled"];

/** Upstreams that were at work besides the one that is paid for. */
function overtakenIn({ attempts, trail }: RequestRecord): number {
  if (trail === undefined) return 0;
  const failed = trail.attempts.filter(({ outcome }) => !called.includes(outcome));
  return Math.max(0, attempts - failed.length - 1);
}

/** What is set aside for a request until it has ended. */
export class RequestCharge {
  private readonly lease: BudgetLease;
  private readonly estimate: Estimate;

  constructor(lease: BudgetLease, estimate: Estimate) {
    this.lease = lease;
    this.estimate = estimate;
  }

  /** What the record says it cost takes the place of the estimate. `isUnread`: an answer had begun whose end alone tells that. */
  end(record: RequestRecord, isUnread: boolean): void {
    const usd = this.costOf(record, isUnread);
    this.lease.settle(usd === undefined ? undefined : usd + overtakenIn(record) * this.overtakenUsd(record, usd));
  }

  /** An upstream that was called off has read the prompt; what makes an answer in one piece may have gone on to its end. */
  private overtakenUsd({ stream }: RequestRecord, usd: number): number {
    return stream ? this.estimate.promptUsd : Math.max(this.estimate.promptUsd, usd);
  }

  /** `undefined` = as estimated. */
  private costOf(record: RequestRecord, isUnread: boolean): number | undefined {
    const { costUsd, attempts, usageSource, endReason, status } = record;
    if (isUnread && endReason !== "completed") return Math.max(costUsd ?? 0, this.estimate.usd);
    if (costUsd !== undefined) return costUsd;
    if (attempts === 0) return 0;
    // The upstream's own refusal, which went to the client as it was.
    if (endReason === "completed" && status >= 400) return 0;
    if (usageSource !== "none" || endReason === "completed") return undefined;
    // The upstream has read the prompt, and charges for that, before it says anything.
    return endReason === "upstream_error" || endReason === "rejected" ? 0 : this.estimate.promptUsd;
  }
}

export interface KeyAdmissionOptions {
  readonly budgets: { readonly reserve: ReserveMoney };
  readonly priceOf: (target: Target) => Price | undefined;
  readonly answerTokensAt: AnswerTokensAt;
  /** What becomes of a request whose cost cannot be estimated, where a budget bounds it. */
  readonly unknownPrice: "refuse" | "allow";
  /** Told of every request that a budget has no room for. */
  readonly onRefusal?: ((owner: BudgetOwner["kind"]) => void) | undefined;
  readonly now?: () => number;
}

/** A request may end a little after its own time: its stream is told so first. */
const graceMs = 60_000;
const nothing: Estimate = { usd: 0, promptUsd: 0 };

/** The models that a request is about: those it names, or the usual one. */
function modelsOf({ model, route, facts }: KeyDemand): { names: readonly string[]; isNamed: boolean } {
  const listed = facts.models();
  const names = model === undefined ? listed : [model, ...listed];
  return names.length > 0 ? { names, isNamed: true } : { names: [route.modelShown], isNamed: false };
}

/** Throws GatewayError (403) for what the key is not for. */
function checkGrant(grant: KeyGrant, demand: KeyDemand): void {
  if (demand.operation === "opaque") {
    checkOpaque(grant, demand.isModelCall === true);
    return;
  }
  checkEndpoint(grant, demand.operation);
  if (!hasModels(grant)) return;
  checkModelList(demand.facts);
  checkModels(grant, modelsOf(demand));
}

function unknownCost(message: string): GatewayError {
  const allowed = "set budgets.unknownPrice: allow to let such requests pass uncounted.";
  return new GatewayError({ code: "forbidden", status: 403, message: `${message}, or ${allowed}`, param: "model" });
}

function unknownPrice({ upstream, model }: Target, { key }: KeyGrant, asked: string): GatewayError {
  const place = `${upstream.name}/${model.slice(0, 200)}`;
  return unknownCost(
    `The key ${key.id} has a budget, and what the model '${asked.slice(0, 200)}' costs at ${place} is not known. Set prices.models["${place}"]`,
  );
}

function unknownDemand({ key }: KeyGrant): GatewayError {
  return unknownCost(
    `The key ${key.id} has a budget, and nobody can tell what this request costs below /p/. Send JSON that names one \`model\`, no batch, and no conversation that the provider keeps`,
  );
}

export function createKeyAdmission({
  budgets,
  priceOf,
  answerTokensAt,
  unknownPrice: policy,
  onRefusal,
  now = Date.now,
}: KeyAdmissionOptions): AdmitKey {
  function unpriced(refusal: GatewayError): Estimate {
    if (policy === "allow") return nothing;
    throw refusal;
  }

  function estimated(grant: KeyGrant, demand: KeyDemand): Estimate {
    if (demand.operation === "opaque" && demand.model === "") return unpriced(unknownDemand(grant));
    if (demand.operation !== "opaque") checkModelList(demand.facts);
    const estimate = estimateOf({ ...demand, priceOf, answerTokensAt });
    if (!("upstream" in estimate)) return estimate;
    const listed = demand.facts.models().find((name) => name === estimate.model);
    return unpriced(unknownPrice(estimate, grant, listed ?? demand.model ?? demand.route.modelShown));
  }

  function charged(lease: BudgetLease | BudgetRefusal, estimate: Estimate): RequestCharge {
    if (!isBudgetRefusal(lease)) return new RequestCharge(lease, estimate);
    onRefusal?.(lease.owner.kind);
    throw budgetError(lease, now());
  }

  async function chargedLater(asked: Promise<BudgetLease | BudgetRefusal>, estimate: Estimate): Promise<RequestCharge> {
    return charged(await asked, estimate);
  }

  return (grant, demand) => {
    checkGrant(grant, demand);
    const own = budgetOwner("key", grant.key);
    const team = budgetOwner("team", grant.team);
    const bounded: BudgetOwner[] = [];
    if (own !== undefined) bounded.push(own);
    if (team !== undefined) bounded.push(team);
    if (bounded.length === 0 || demand.isFree === true) return undefined;
    const estimate = estimated(grant, demand);
    const lease = budgets.reserve(bounded, { usd: estimate.usd, ttlMs: demand.totalMs + graceMs });
    return lease instanceof Promise ? chargedLater(lease, estimate) : charged(lease, estimate);
  };
}

/** Where nobody issues keys there are none to let in. */
export const admitNoKey: AdmitKey = () => {
  throw new Error("A virtual key was found, and nothing admits it");
};

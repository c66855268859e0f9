import type { GatewayError } from "../errors.ts";
import { refusalError } from "../limits/refusal-error.ts";
import { isRefusal, type Demand, type Lease, type LimitRefusal, type Scope } from "../limits/limiter.ts";
import type { RequestFacts } from "../routing/route.ts";
import type { ClientCall } from "./call.ts";
import type { Trying } from "./trying.ts";
import type { ForwardCall } from "./forward.ts";
import { noteWait } from "./trail-writer.ts";
import { waitInLine } from "./wait-in-line.ts";

/** Of an answer whose request does not limit them. */
const usualAnswerTokens = 1024;

type Caller = Pick<ClientCall, "grant">;

class EstimatedDemand implements Demand {
  private readonly facts: RequestFacts;
  private readonly kind: "conversation" | "prompt" | "unmetered";
  private readonly usualPriority: number;

  constructor(facts: RequestFacts, kind: EstimatedDemand["kind"], { grant }: Caller) {
    this.facts = facts;
    this.kind = kind;
    this.usualPriority = grant?.key.priority ?? 0;
  }

  get priority(): number {
    return this.facts.steering?.priority ?? this.usualPriority;
  }

  tokens(): number {
    if (this.kind === "unmetered") return 0;
    const prompt = this.facts.promptTokens();
    return this.kind === "prompt" ? prompt : prompt + this.facts.longestAnswer(usualAnswerTokens);
  }
}

/** What a request wants of whatever is limited; its tokens are estimated when a limit asks for them. */
export function demandOf(facts: RequestFacts, caller: Caller = {}): Demand {
  return new EstimatedDemand(facts, "conversation", caller);
}

/** The same for a request whose answer has no tokens. */
function promptDemandOf(facts: RequestFacts, caller: Caller = {}): Demand {
  return new EstimatedDemand(facts, "prompt", caller);
}

/** The same for a request that is no conversation: none, as far as can be known before. */
export function forwardDemandOf(call: Pick<ForwardCall, "facts" | "operation" | "chargedAs" | "grant">): Demand {
  if (call.operation === "embeddings") return promptDemandOf(call.facts, call);
  const isKnown = call.chargedAs !== undefined && call.chargedAs.model !== "";
  return new EstimatedDemand(call.facts, isKnown ? "conversation" : "unmetered", call);
}

type Admitting = Omit<Trying, "facts" | "onAttempt">;

/**
 * Takes a request's own place, if anything limits it, once it is known that its key may pay for it (`pending`); waits for
 * one where only concurrency is in the way. A promise only where it waits, or where several gateways count together. Throws
 * or rejects with GatewayError (429, 503).
 */
export function takePlace(
  trying: Admitting,
  scopes: readonly Scope[],
  pending?: Promise<void>,
): Promise<void> | undefined {
  if (pending !== undefined) return pending.then(() => takePlace(trying, scopes));
  if (scopes.length === 0) return undefined;
  const { demand, routing } = trying;
  const lease = routing.limiter.take(scopes, demand);
  return lease instanceof Promise ? placedLater(trying, scopes, lease) : placed(trying, scopes, lease);
}

async function placedLater(
  trying: Admitting,
  scopes: readonly Scope[],
  asked: Promise<Lease | LimitRefusal>,
): Promise<void> {
  await placed(trying, scopes, await asked);
  const stopped = trying.cancellation.reason();
  if (stopped !== undefined) throw stopped;
}

function placed(trying: Admitting, scopes: readonly Scope[], lease: Lease | LimitRefusal): Promise<void> | undefined {
  if (!isRefusal(lease)) {
    trying.holds.admit(lease);
    return undefined;
  }
  if (lease.by === "concurrency") return waitForPlace(trying, scopes);
  throw refused(trying, lease);
}

function refused({ routing }: Admitting, refusal: LimitRefusal): GatewayError {
  routing.onStep({ kind: "limit", scope: refusal.scope.kind, by: refusal.by });
  return refusalError(refusal);
}

async function waitForPlace(trying: Admitting, scopes: readonly Scope[]): Promise<void> {
  const { holds, cancellation } = trying;
  const from = performance.now();
  const lease = await waitInLine(trying, { scopes, leg: cancellation });
  noteWait(trying, { what: "a place within the gateway's own limits", from });
  if (!isRefusal(lease)) holds.admit(lease);
  const stopped = cancellation.reason();
  if (stopped !== undefined) throw stopped;
  if (isRefusal(lease)) throw refused(trying, lease);
}

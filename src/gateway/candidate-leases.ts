import { isRefusal, type Lease, type LimitRefusal, type Scope } from "../limits/limiter.ts";
import type { Credential } from "../routing/credential.ts";
import type { Target } from "../routing/target.ts";
import { scopesOf } from "./retry.ts";
import type { TrailWriter } from "./trail-writer.ts";
import type { Tried } from "./tried.ts";
import type { Place, Trying } from "./trying.ts";
import { waitInLine } from "./wait-in-line.ts";

/** Why there is no place: busy, a limit is used up, or nobody wants it any more. */
type WithoutPlace = "full" | "limited" | "stopped";

/** `undefined` = nothing is limited. */
export type Taken = Lease | undefined | "full" | "limited";

/** Places within the limits of providers, credentials and fallback models, for one request. */
export class CandidateLeases {
  private readonly trying: Trying;
  private readonly tried: Tried;
  private readonly trail: TrailWriter;

  constructor(trying: Trying, { tried, trail }: { tried: Tried; trail: TrailWriter }) {
    this.trying = trying;
    this.tried = tried;
    this.trail = trail;
  }

  /** A promise only where several gateways count together. */
  take(place: Place, credential: Credential): Taken | Promise<Taken> {
    const scopes = this.scopesFor(place, credential);
    if (scopes.length === 0) return undefined;
    const { limiter } = this.trying.routing;
    const lease = limiter.take(scopes, this.trying.demand);
    return lease instanceof Promise ? this.takenLater(place, lease) : this.taken(place, lease);
  }

  private async takenLater(place: Place, asked: Promise<Lease | LimitRefusal>): Promise<Taken> {
    return this.taken(place, await asked);
  }

  private taken({ target }: Place, lease: Lease | LimitRefusal): Taken {
    return isRefusal(lease) ? this.refused(target, lease) : lease;
  }

  /** Those of the model that was asked for have been looked at before. */
  private scopesFor({ target, stage }: Place, credential: Credential): readonly Scope[] {
    const scopes = scopesOf(target, credential);
    return stage.scope === undefined || stage === this.trying.route.first ? scopes : [stage.scope, ...scopes];
  }

  private refused(target: Target, refusal: LimitRefusal): "full" | "limited" {
    // It may still wait for a place.
    if (refusal.by === "concurrency") return "full";
    this.trying.routing.onStep({ kind: "limit", scope: refusal.scope.kind, by: refusal.by });
    this.tried.limited(target, refusal);
    this.trail.limited(target, refusal);
    return "limited";
  }

  /** The place of the try before was given back: others may have it by now. */
  async again(place: Place, credential: Credential): Promise<Lease | undefined | WithoutPlace> {
    const lease = await this.take(place, credential);
    return lease === "full" ? this.inTurn(place, credential) : lease;
  }

  async inTurn(place: Place, credential: Credential): Promise<Lease | WithoutPlace> {
    const { target, leg } = place;
    const from = performance.now();
    const lease = await waitInLine(this.trying, { scopes: this.scopesFor(place, credential), leg });
    this.trail.waited(`a place at ${target.upstream.name}`, from);
    const stopped = leg.reason();
    if (stopped !== undefined) {
      if (!isRefusal(lease)) {
        lease.settle(0);
        lease.release();
      }
      this.tried.failed(target, stopped);
      return "stopped";
    }
    if (!isRefusal(lease)) return lease;
    this.refused(target, lease);
    return lease.by === "queue" ? "full" : "limited";
  }
}

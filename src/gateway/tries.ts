import { GatewayError } from "../errors.ts";
import type { Lease } from "../limits/limiter.ts";
import type { Credential } from "../routing/credential.ts";
import { isOvertaken } from "./hedge.ts";
import { Hold } from "./hold.ts";
import { isHeldAgainst } from "./retry.ts";
import type { TrailWriter } from "./trail-writer.ts";
import type { Tried } from "./tried.ts";
import type { Answered, Place, Steps, Trying } from "./trying.ts";

interface Notes {
  tried: Tried;
  trail: TrailWriter;
}

/** Sends one request's tries, one at a time or two at once, and writes down how they went. */
export class Tries<T> {
  private readonly trying: Trying;
  private readonly steps: Steps<T>;
  private readonly notes: Notes;
  private hasSent = false;

  constructor(trying: Trying, steps: Steps<T>, notes: Notes) {
    this.trying = trying;
    this.steps = steps;
    this.notes = notes;
  }

  /** One request upstream, with everything it holds. */
  async once(
    place: Place,
    { credential, lease, repeat }: { credential: Credential; lease: Lease | undefined; repeat: number },
  ): Promise<Answered<T> | GatewayError> {
    const { target, leg, hasMore, kind } = place;
    const { recording, onAttempt, facts, routing } = this.trying;
    const { tried, trail } = this.notes;
    const hold = new Hold({ target, credential, lease, isRetry: repeat > 0 });
    const { attempts } = recording.record;
    const from = performance.now();
    const first = kind === "first" && this.hasSent ? "failover" : kind;
    const step = repeat > 0 ? "retry" : first;
    recording.record.credential = credential.label;
    if (place.progress !== undefined) Object.assign(place.progress, { credential, from });
    if (step === "failover") routing.onStep({ kind: "failover", provider: target.upstream.name });
    try {
      const opened = await this.steps.attempt({ target, credential, hasMore, stop: leg.begin() });
      this.hasSent = true;
      if (this.steps.isGood?.(opened) !== false)
        hold.opened(performance.now() - from, facts.stream ? "stream" : "whole");
      recording.record.credential = credential.label;
      onAttempt(target, "ok");
      trail.attempted({ target, credential, kind: step, from, outcome: "ok", isRaced: place.progress !== undefined });
      return { opened, hold };
    } catch (thrown) {
      if (place.progress !== undefined) place.progress.credential = undefined;
      const error = leg.reason() ?? thrown;
      if (!(error instanceof GatewayError)) {
        hold.end("neutral", 0);
        throw error;
      }
      const wasSent = recording.record.attempts > attempts;
      const isNobodys = !wasSent || !isHeldAgainst(error, { target, from });
      const wasOvertaken = isOvertaken(error);
      // An upstream that was at work when it was called off may have used what was estimated.
      hold.end(isNobodys ? "neutral" : error, wasOvertaken ? undefined : 0);
      if (wasOvertaken) return error;
      // A request that this target could not be given at all was none.
      if (wasSent) {
        this.hasSent = true;
        onAttempt(target, error);
      }
      tried.failed(target, error);
      trail.attempted({ target, credential, kind: step, from, outcome: error });
      return error;
    }
  }
}

import { Pause } from "./pause.ts";

/** A refusal that names no time. */
const defaultMs = 30_000;
/** Clients choose model names where any is taken. */
const mostModels = 200;

interface Cooling {
  readonly pause: Pause;
  /** Tickets up to this number went out before the refusal. */
  lastBefore: number;
}

interface Cooled {
  now: number;
  /** As the upstream named it; `undefined` = it named none. */
  seconds: number | undefined;
  lastTicket: number;
}

/** The models for which a credential was asked too often, each until its time is over. */
export class CoolingModels {
  private readonly models = new Map<string, Cooling>();

  get isEmpty(): boolean {
    return this.models.size === 0;
  }

  cool(model: string, { now, seconds, lastTicket }: Cooled): void {
    const milliseconds = seconds === undefined ? defaultMs : seconds * 1000;
    const known = this.find(model, now);
    // One that names no time does not shorten one that did.
    if (seconds === undefined && known !== undefined && known.pause.until(now) > now + milliseconds) return;
    const cooling = known ?? { pause: new Pause(), lastBefore: 0 };
    cooling.pause.start(now, milliseconds);
    cooling.lastBefore = lastTicket;
    if (known !== undefined) return;
    if (this.models.size >= mostModels) this.makeRoom(now);
    this.models.set(model, cooling);
  }

  /** Epoch milliseconds; `undefined` = it does not cool. */
  until(model: string, now: number): number | undefined {
    return this.find(model, now)?.pause.until(now);
  }

  /** A request that went out as number `ticket` was answered well. */
  succeeded(model: string, ticket: number): void {
    const cooling = this.models.get(model);
    if (cooling !== undefined && ticket > cooling.lastBefore) this.models.delete(model);
  }

  view(now: number): Record<string, number> {
    const view = Object.create(null) as Record<string, number>;
    for (const [model, { pause }] of this.models) if (!pause.isOver(now)) view[model] = pause.until(now);
    return view;
  }

  private find(model: string, now: number): Cooling | undefined {
    const cooling = this.models.get(model);
    if (cooling === undefined || !cooling.pause.isOver(now)) return cooling;
    this.models.delete(model);
    return undefined;
  }

  private makeRoom(now: number): void {
    for (const [model, { pause }] of this.models) if (pause.isOver(now)) this.models.delete(model);
    const oldest = this.models.keys().next().value;
    if (this.models.size >= mostModels && oldest !== undefined) this.models.delete(oldest);
  }
}

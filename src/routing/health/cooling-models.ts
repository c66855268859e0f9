import type { GatewayError } from "../../errors.ts";
import { Pause } from "./pause.ts";
import { upstreamStatusOf } from "./results.ts";

/** A refusal that names no time. */
export const defaultMs = 30_000;
/** Clients choose model names where any is taken. */
const mostModels = 200;
const longestName = 100;
const longestWords = 200;

interface Cooling {
  readonly pause: Pause;
  /** Tickets up to this number went out before the refusal. */
  lastBefore: number;
  /** What the upstream said, as it may be shown. */
  error: GatewayError;
}

interface Cooled {
  now: number;
  /** As the upstream named it; `undefined` = it named none. */
  seconds: number | undefined;
  lastTicket: number;
  error: GatewayError;
}

export interface CoolingView {
  /** Epoch milliseconds. */
  coolingUntil: Record<string, number>;
  /** Those of them that are forbidden. */
  refusedModels: string[];
  /** Of the one that is forbidden, else rests, the longest. */
  reason: string | undefined;
}

function isForbidden({ error }: { error: GatewayError }): boolean {
  return upstreamStatusOf(error) === 403;
}

function reasonText([model, { pause, error }]: [string, Cooling], more: number, now: number): string {
  const status = upstreamStatusOf(error) ?? error.code;
  const others = more === 0 ? "" : ` and ${more} more`;
  const whatFor = model === "" ? "" : ` for ${model.slice(0, longestName)}`;
  // Without the milliseconds.
  const until = new Date(pause.until(now)).toISOString().replace(/\.\d+/, "");
  return `${status}${whatFor}${others} until ${until}: ${error.message.slice(0, longestWords)}`;
}

/** The models for which a credential was asked too often, or that it may not use, each until its time is over. */
export class CoolingModels {
  private readonly models = new Map<string, Cooling>();
  /** Forbidden ones, and the last ticket before that. Its end is told when it has worked, and not when it may be tried. */
  private readonly forbidden = new Map<string, number>();

  get isEmpty(): boolean {
    return this.models.size === 0;
  }

  cool(model: string, { now, seconds, lastTicket, error }: Cooled): void {
    if (isForbidden({ error })) this.forbid(model, lastTicket);
    const milliseconds = seconds === undefined ? defaultMs : seconds * 1000;
    const known = this.find(model, now);
    // One that names no time does not shorten one that did.
    if (seconds === undefined && known !== undefined && known.pause.until(now) > now + milliseconds) return;
    const cooling = known ?? { pause: new Pause(), lastBefore: 0, error };
    cooling.pause.start(now, milliseconds);
    cooling.lastBefore = lastTicket;
    cooling.error = error;
    if (known !== undefined) return;
    if (this.models.size >= mostModels) this.makeRoom(now);
    this.models.set(model, cooling);
  }

  /** Epoch milliseconds; `undefined` = it does not cool. */
  until(model: string, now: number): number | undefined {
    return this.find(model, now)?.pause.until(now);
  }

  /** A request that went out as number `ticket` was answered well. Whether the model was forbidden until then. */
  succeeded(model: string, ticket: number): boolean {
    const cooling = this.models.get(model);
    if (cooling !== undefined && ticket > cooling.lastBefore) this.models.delete(model);
    const lastBefore = this.forbidden.size === 0 ? undefined : this.forbidden.get(model);
    return lastBefore !== undefined && ticket > lastBefore && this.forbidden.delete(model);
  }

  view(now: number): CoolingView {
    const coolingUntil = Object.create(null) as Record<string, number>;
    const all = [...this.models].filter(([, { pause }]) => !pause.isOver(now));
    for (const [model, { pause }] of all) coolingUntil[model] = pause.until(now);
    const refused = all.filter(([, cooling]) => isForbidden(cooling));
    const alike = refused.length > 0 ? refused : all;
    const longest = alike.toSorted(([, left], [, right]) => right.pause.until(now) - left.pause.until(now))[0];
    return {
      coolingUntil,
      refusedModels: refused.map(([model]) => model),
      reason: longest && reasonText(longest, alike.length - 1, now),
    };
  }

  private forbid(model: string, lastTicket: number): void {
    const oldest = this.forbidden.keys().next().value;
    if (this.forbidden.size >= mostModels && oldest !== undefined) this.forbidden.delete(oldest);
    this.forbidden.set(model, lastTicket);
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

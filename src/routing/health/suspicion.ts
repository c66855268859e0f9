import { Pause } from "./pause.ts";

interface Forbidden {
  now: number;
  /** How long it counts. */
  milliseconds: number;
  lastTicket: number;
}

/** A model was forbidden to a credential, which may say as much of the model as of the credential. A second one tells. */
export class Suspicion {
  private model: string | undefined;
  private readonly pause = new Pause();
  /** Tickets up to this number went out before. */
  private lastBefore = 0;

  /** Whether that is the second model within the time, with nothing answered well in between. */
  confirms(model: string, { now, milliseconds, lastTicket }: Forbidden): boolean {
    if (this.model !== undefined && this.model !== model && !this.pause.isOver(now)) return true;
    this.model = model;
    this.pause.start(now, milliseconds);
    this.lastBefore = lastTicket;
    return false;
  }

  /** A request that went out as number `ticket` was answered well. */
  succeeded(ticket: number): void {
    if (ticket > this.lastBefore) this.model = undefined;
  }

  end(): void {
    this.model = undefined;
  }
}

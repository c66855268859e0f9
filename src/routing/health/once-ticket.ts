import type { AttemptEnd, Ticket } from "./health.ts";

interface TicketOwner<Own> {
  opened(ticket: Own, milliseconds: number, kind: "stream" | "whole"): void;
  ended(ticket: Own, result: AttemptEnd): void;
}

/** Tells its owner of an opening and of an end once each, and of no opening behind the end. */
export abstract class OnceTicket implements Ticket {
  abstract readonly isProbe: boolean;
  protected abstract readonly owner: TicketOwner<this>;
  private hasOpened = false;
  private hasEnded = false;

  opened(milliseconds: number, kind: "stream" | "whole"): void {
    if (this.hasOpened || this.hasEnded) return;
    this.hasOpened = true;
    this.owner.opened(this, milliseconds, kind);
  }

  end(result: AttemptEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.owner.ended(this, result);
  }
}

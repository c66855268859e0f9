import type { Lease } from "../limits/limiter.ts";
import type { Credential } from "../routing/credential.ts";
import type { AttemptEnd, Ticket } from "../routing/health/health.ts";
import type { RequestFacts, Stage } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";

/** What one request upstream holds: tickets of its target and credential, and a place within their limits. */
export class Hold {
  readonly target: Target;
  readonly credential: Credential;
  private readonly lease: Lease | undefined;
  private readonly ofTarget: Ticket;
  private readonly ofCredential: Ticket;

  constructor({ target, credential, lease, isRetry }: HoldOptions) {
    this.target = target;
    this.credential = credential;
    this.lease = lease;
    this.ofTarget = target.health.begin({ isRetry });
    this.ofCredential = credential.begin(target.model);
  }

  opened(milliseconds: number, kind: "stream" | "whole"): void {
    this.ofTarget.opened(milliseconds, kind);
    this.ofCredential.opened(milliseconds, kind);
  }

  /** Gives everything back; later calls do nothing. `tokens` = what was used, `undefined` = not known. */
  end(result: AttemptEnd, tokens: number | undefined): void {
    this.ofTarget.end(result);
    this.ofCredential.end(result);
    this.lease?.settle(tokens);
    this.lease?.release();
  }
}

interface HoldOptions {
  target: Target;
  credential: Credential;
  lease: Lease | undefined;
  /** Does not count as a request of its own in the retry budget. */
  isRetry: boolean;
}

/** The attempt that answers a request, and as which model. */
export interface Answering {
  readonly hold: Hold;
  readonly stage: Stage;
  readonly facts: RequestFacts;
}

/** What a request holds until it has ended: its own place, and the hold of the attempt that answers it. */
export class Holds {
  private lease: Lease | undefined;
  private answering: Answering | undefined;
  private isOver = false;
  /** Of an answer that the gateway keeps, as the client knows it. */
  responseId: string | undefined = undefined;

  admit(lease: Lease): void {
    this.lease = lease;
    if (this.isOver) this.release("neutral", 0);
  }

  answer(answering: Answering): void {
    this.answering = answering;
    if (this.isOver) this.release("neutral", 0);
  }

  /** Who gives the answer; `undefined` before there is one, and when the request has ended. */
  answered(): Answering | undefined {
    return this.answering;
  }

  /** The request has ended; whatever is taken after that is given back at once. */
  end(result: AttemptEnd, tokens: number | undefined): void {
    this.isOver = true;
    this.release(result, tokens);
  }

  private release(result: AttemptEnd, tokens: number | undefined): void {
    this.answering?.hold.end(result, tokens);
    this.answering = undefined;
    this.lease?.settle(tokens);
    this.lease?.release();
    this.lease = undefined;
  }
}

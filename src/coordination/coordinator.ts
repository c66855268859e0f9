import type { DecisionInput, DecisionName, DecisionOutput } from "./decisions.ts";

/**
 * What several gateways that stand for one decide together: limits, budgets, what is cooled down, what one of them must tell
 * the others. Redis does it where `redis.url` names one, the parent of `serve --workers` where there is none; a gateway by
 * itself has no coordinator, and awaits nothing.
 */
export interface Coordinator {
  /**
   * One decision, made as a whole where the numbers are kept. Rejects with GatewayError (503, retryable) when there is no
   * answer within the timeout; whether it was made is then not known, and it is not sent again.
   */
  decide<Name extends DecisionName>(name: Name, input: DecisionInput<Name>): Promise<DecisionOutput<Name>>;
  /** Tells the others; does not wait, and is lost where nobody can be reached. */
  publish(channel: string, message: string): void;
  /** Hears the others (not itself). The function it returns ends that. */
  subscribe(channel: string, listener: (message: string) => void): () => void;
  state(): CoordinatorState;
  /**
   * Told whenever it is reached again or no more, and when the others are heard again after a time in which what they published
   * was lost. The function it returns ends that.
   */
  onState(listener: (state: CoordinatorState) => void): () => void;
  close(): Promise<void>;
}

export interface CoordinatorState {
  readonly isUp: boolean;
  /** For people, without secrets: why it is not. */
  readonly problem: string | undefined;
}

import { GatewayError } from "../../errors.ts";
import { errorText } from "../../lib/error-text.ts";
import type { Coordinator, CoordinatorState } from "../coordinator.ts";
import type { DecisionInput, DecisionName } from "../decisions.ts";
import type { CoordinationQuestion, Published } from "./messages.ts";

export interface WorkerCoordinatorOptions {
  /** Rejects when there is no answer in time. */
  ask: (question: CoordinationQuestion) => Promise<unknown>;
  publish: (published: Published) => void;
}

/** A worker's coordinator: its parent decides. */
export interface WorkerCoordinator extends Coordinator {
  /** What another worker has published. */
  hear(published: Published): void;
}

function unanswered(cause: unknown): GatewayError {
  const message = `The gateway's processes cannot agree: ${errorText(cause)}. Try again.`;
  return new GatewayError({ code: "internal_error", status: 503, message, retryable: true, cause });
}

const up: CoordinatorState = { isUp: true, problem: undefined };

export function createWorkerCoordinator({ ask, publish }: WorkerCoordinatorOptions): WorkerCoordinator {
  const listeners = new Map<string, Set<(message: string) => void>>();

  async function asked(question: CoordinationQuestion): Promise<never> {
    try {
      // The parent answers each question with what belongs to it.
      return (await ask(question)) as never;
    } catch (error) {
      throw unanswered(error);
    }
  }

  return {
    decide: <Name extends DecisionName>(decide: Name, input: DecisionInput<Name>) =>
      asked({ decide, input } as CoordinationQuestion),
    publish: (channel, message) => publish({ channel, message }),
    subscribe(channel, listener) {
      let heard = listeners.get(channel);
      if (heard === undefined) listeners.set(channel, (heard = new Set()));
      heard.add(listener);
      return () => void heard.delete(listener);
    },
    hear({ channel, message }) {
      for (const listener of listeners.get(channel) ?? []) listener(message);
    },
    get: (key) => asked({ get: key }),
    set: (key, value, ttlMs) => asked({ set: key, value, ttlMs }),
    // A worker without its parent ends: as long as somebody asks, it is there.
    state: () => up,
    onState: () => () => undefined,
    close() {
      listeners.clear();
      return Promise.resolve();
    },
  };
}

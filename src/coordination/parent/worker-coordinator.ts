import { setTimeout as sleep } from "node:timers/promises";
import { GatewayError } from "../../errors.ts";
import { errorText } from "../../lib/error-text.ts";
import type { Coordinator, CoordinatorState } from "../coordinator.ts";
import type { DecisionInput, DecisionName } from "../decisions.ts";
import type { CoordinationQuestion, Published } from "./messages.ts";

export interface WorkerCoordinatorOptions {
  /** Rejects when there is no answer in time. */
  ask: (question: CoordinationQuestion) => Promise<unknown>;
  publish: (published: Published) => void;
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** A worker's coordinator: its parent decides. */
export interface WorkerCoordinator extends Coordinator {
  /** What another worker has published. */
  hear(published: Published): void;
}

function problemOf(cause: unknown): string {
  return `The gateway's processes cannot agree: ${errorText(cause)}.`;
}

function unanswered(cause: unknown): GatewayError {
  const message = `${problemOf(cause)} Try again.`;
  return new GatewayError({ code: "internal_error", status: 503, message, retryable: true, cause });
}

const up: CoordinatorState = { isUp: true, problem: undefined };
/** Takes nothing and changes nothing. */
const probe: CoordinationQuestion = { decide: "notes.list", input: { board: "probe" } };
const probeMs = 250;

function unhurried(milliseconds: number): Promise<unknown> {
  return sleep(milliseconds, undefined, { ref: false });
}

/** After the first answer that is missing no request waits for one, until a probe has been answered. */
export function createWorkerCoordinator(options: WorkerCoordinatorOptions): WorkerCoordinator {
  const { ask, publish, pause = unhurried } = options;
  const watchers = new Set<(state: CoordinatorState) => void>();
  let state = up;
  const closing = new AbortController();
  const listeners = new Map<string, Set<(message: string) => void>>();

  function become(next: CoordinatorState): void {
    state = next;
    for (const watcher of watchers) watcher(next);
  }

  async function untilAnswered(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await ask(probe);
        return become(up);
      } catch {
        await pause(probeMs);
      }
    }
  }

  function missed(error: unknown): void {
    if (!state.isUp || closing.signal.aborted) return;
    become({ isUp: false, problem: problemOf(error) });
    void untilAnswered();
  }

  async function asked(question: CoordinationQuestion): Promise<never> {
    if (!state.isUp) throw unanswered(new Error("one of them does not answer"));
    try {
      // The parent answers each question with what belongs to it.
      return (await ask(question)) as never;
    } catch (error) {
      missed(error);
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
    state: () => state,
    onState(watcher) {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    close() {
      closing.abort();
      listeners.clear();
      return Promise.resolve();
    },
  };
}

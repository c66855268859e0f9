import type { Coordinator } from "../coordinator.ts";
import type { DecisionInput, DecisionName, DecisionOutput } from "../decisions.ts";
import { BudgetDecisions } from "./budget-decisions.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { FailureDecisions } from "./failure-decisions.ts";
import { LimitDecisions } from "./limit-decisions.ts";
import { ShelfDecisions } from "./shelf-decisions.ts";

/** Where several gateways of one process, or of one parent, meet. */
export interface MemoryCoordination {
  /** One more of them: what it publishes goes to the others. */
  join(): Coordinator;
}

export interface MemoryCoordinationOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

type Engine = { [Name in DecisionName]: (input: DecisionInput<Name>) => DecisionOutput<Name> };
type Listener = (message: string) => void;

function createNotes(now: () => number): Pick<Engine, "notes.put" | "notes.list"> {
  const boards = new Map<string, ExpiringMap<string>>();
  return {
    "notes.put"({ board, id, text, ttlMs }) {
      let notes = boards.get(board);
      if (notes === undefined) boards.set(board, (notes = new ExpiringMap()));
      const time = now();
      if (text === "") notes.delete(id);
      else notes.set(id, text, { now: time, until: time + ttlMs });
      return null;
    },
    "notes.list": ({ board }) => ({
      notes: Array.from(boards.get(board)?.alive(now()) ?? [], ([id, text]) => ({ id, text })),
    }),
  };
}

function createEngine(now: () => number): Engine {
  const limits = new LimitDecisions();
  const budgets = new BudgetDecisions();
  const failures = new FailureDecisions();
  const shelves = new ShelfDecisions();
  return {
    "limits.take": (input) => limits.take(input, now()),
    "limits.settle": (input) => limits.settle(input, now()),
    "leases.renew"(input) {
      limits.renew(input, now());
      return null;
    },
    "budgets.reserve": (input) => budgets.reserve(input, now()),
    "budgets.raise"(input) {
      budgets.raise(input, now());
      return null;
    },
    "budgets.settle"(input) {
      budgets.settle(input, now());
      return null;
    },
    "failures.count": (input) => failures.count(input, now()),
    "failures.forgive"(input) {
      failures.forgive(input);
      return null;
    },
    ...createNotes(now),
    "shelf.put"(input) {
      shelves.put(input, now());
      return null;
    },
    "shelf.get": (input) => shelves.get(input, now()),
  };
}

/** Decisions over maps in memory, for those who share one process or one parent. */
export function createMemoryCoordination({ now = Date.now }: MemoryCoordinationOptions = {}): MemoryCoordination {
  const engine = createEngine(now);
  const members = new Set<Map<string, Set<Listener>>>();

  function tell(from: unknown, channel: string, message: string): void {
    for (const channels of members) {
      if (channels === from) continue;
      for (const listener of channels.get(channel) ?? []) queueMicrotask(() => listener(message));
    }
  }

  return {
    join() {
      const channels = new Map<string, Set<Listener>>();
      members.add(channels);
      return {
        decide: (name, input) => Promise.resolve(engine[name](input)),
        publish: (channel, message) => tell(channels, channel, message),
        subscribe(channel, listener) {
          let listeners = channels.get(channel);
          if (listeners === undefined) channels.set(channel, (listeners = new Set()));
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
        state: () => ({ isUp: true, problem: undefined }),
        onState: () => () => undefined,
        close() {
          members.delete(channels);
          return Promise.resolve();
        },
      };
    },
  };
}

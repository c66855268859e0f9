import type { Coordinator } from "../../coordination/coordinator.ts";
import { errorText } from "../../lib/error-text.ts";
import { type HealthChange, readHealthChange, subjectOf } from "./health-change.ts";
import type { HealthRegistry } from "./health.ts";

export interface SharedHealthOptions {
  readonly coordinator: Pick<Coordinator, "decide" | "publish" | "subscribe" | "onState" | "state">;
  readonly onProblem: (message: string) => void;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** What gateways know of upstreams, told to each other. */
export interface SharedHealth {
  /** Something was found out here. */
  tell(change: HealthChange): void;
  /** Takes over what the others know, now and from now on. */
  follow(health: Pick<HealthRegistry, "heard">): void;
}

const board = "health";
const channel = "health";

export function createSharedHealth({ coordinator, onProblem, now = Date.now }: SharedHealthOptions): SharedHealth {
  function note(change: HealthChange): void {
    const ttlMs = change.until === null ? 1 : Math.ceil(change.until - now());
    if (ttlMs <= 0) return;
    const text = change.until === null ? "" : JSON.stringify(change);
    // Who comes later reads it; who is here has heard it.
    coordinator.decide("notes.put", { board, id: subjectOf(change), text, ttlMs }).catch(() => undefined);
  }

  return {
    tell(change) {
      coordinator.publish(channel, JSON.stringify(change));
      if (coordinator.state().isUp) note(change);
    },
    follow(health) {
      const hear = (text: string): void => {
        try {
          health.heard(readHealthChange(text));
        } catch (error) {
          // A newer release may say more than this one knows.
          onProblem(errorText(error));
        }
      };
      const read = async (): Promise<void> => {
        try {
          const { notes } = await coordinator.decide("notes.list", { board });
          for (const { text } of notes) hear(text);
        } catch {
          // It is read when the others can be reached again.
        }
      };
      coordinator.subscribe(channel, hear);
      coordinator.onState(({ isUp }) => {
        if (isUp) void read();
      });
      if (coordinator.state().isUp) void read();
    },
  };
}

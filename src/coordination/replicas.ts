import { createId } from "../lib/ids.ts";
import { repeat } from "../lib/repeat.ts";
import type { Coordinator } from "./coordinator.ts";

/** How many gateways stand for one. */
export interface Replicas {
  /** As far as was seen last, this one among them. */
  count(): number;
  /** Says that this one is there, and looks who else is. Never rejects. */
  look(): Promise<void>;
  stop(): void;
}

export interface ReplicasOptions {
  readonly coordinator: Pick<Coordinator, "decide" | "onState">;
  readonly every?: (milliseconds: number, work: () => void) => () => void;
}

const board = "replicas";
const everyMs = 5000;
/** Who was not heard of for so long is gone. */
const ttlMs = 15_000;

export function createReplicas({ coordinator, every = repeat }: ReplicasOptions): Replicas {
  const id = createId("r");
  let count = 1;

  async function look(): Promise<void> {
    try {
      await coordinator.decide("notes.put", { board, id, text: "here", ttlMs });
      const { notes } = await coordinator.decide("notes.list", { board });
      count = Math.max(1, notes.length);
    } catch {
      // Who was there a moment ago still is, as far as can be known.
    }
  }

  const ends = [
    every(everyMs, () => void look()),
    coordinator.onState(({ isUp }) => {
      if (isUp) void look();
    }),
  ];

  return {
    count: () => count,
    look,
    stop() {
      for (const end of ends) end();
      coordinator.decide("notes.put", { board, id, text: "", ttlMs }).catch(() => undefined);
    },
  };
}

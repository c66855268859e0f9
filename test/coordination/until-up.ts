import type { Coordinator } from "../../src/coordination/coordinator.ts";

/** Settles when it can be reached, or can no more. */
export function until(isUp: boolean, coordinator: Pick<Coordinator, "state" | "onState">): Promise<void> {
  return new Promise((resolve) => {
    if (coordinator.state().isUp === isUp) return resolve();
    const end = coordinator.onState((state) => {
      if (state.isUp !== isUp) return;
      end();
      resolve();
    });
  });
}

export function untilUp(coordinator: Pick<Coordinator, "state" | "onState">): Promise<void> {
  return until(true, coordinator);
}

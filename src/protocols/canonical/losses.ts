import type { Loss } from "./conversation.ts";

export interface Losses {
  readonly list: Loss[];
  /** The like is told once: a long history may hold hundreds. */
  add(field: string, reason: string): void;
}

/** `onceBy`: losses are alike when field and reason are the same, or when the reason is, wherever it was. */
export function createLosses({ onceBy = "loss" }: { onceBy?: "loss" | "reason" } = {}): Losses {
  const list: Loss[] = [];
  const told = new Set<string>();
  return {
    list,
    add(field, reason) {
      const key = onceBy === "reason" ? reason : `${field}\u0000${reason}`;
      if (told.has(key)) return;
      told.add(key);
      list.push({ field, reason });
    },
  };
}

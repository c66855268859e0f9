import type { Part, Turn } from "./conversation.ts";

export function isSystemTurn({ role }: Turn): boolean {
  return role === "system" || role === "developer";
}

/** Turns with those of one role that stand in a row as one. */
export function joinTurns(turns: readonly Turn[], role: Turn["role"]): Turn[] {
  const joined: Turn[] = [];
  let parts: Part[] = [];
  for (const turn of turns) {
    if (turn.role !== role) joined.push(turn);
    else if (joined.at(-1)?.role === role) for (const part of turn.parts) parts.push(part);
    else {
      parts = [...turn.parts];
      joined.push({ role, parts });
    }
  }
  return joined;
}

/** System text for protocols that take it at the start only, as text of the user's. */
export function systemReminder(text: string): string {
  return `<system-reminder>\n${text}\n</system-reminder>`;
}

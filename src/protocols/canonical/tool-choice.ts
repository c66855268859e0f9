import type { Conversation, Tool, ToolChoice } from "./conversation.ts";

/** A call is asked for, whatever the model thinks of it. */
export function isForced(choice: ToolChoice | undefined): boolean {
  if (choice?.type === "subset") return choice.mode === "required";
  return choice?.type === "required" || choice?.type === "tool";
}

/** The tools that a choice leaves, for protocols that cannot keep others out of use. */
export function offeredTools({ tools, toolChoice }: Pick<Conversation, "tools" | "toolChoice">): readonly Tool[] {
  if (toolChoice?.type !== "subset") return tools;
  const names = new Set(toolChoice.names);
  return tools.filter(({ name }) => names.has(name));
}

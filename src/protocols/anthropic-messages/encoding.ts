import { clientField, type Setting } from "../canonical/client-field.ts";
import type { Target } from "../canonical/codec.ts";
import type { CacheMark, Conversation, Loss } from "../canonical/conversation.ts";
import type { ToolNames } from "../canonical/tool-names.ts";
import { wellFormed } from "../fields.ts";

/** A block, a tool or a message as it goes out. */
export type Block = Record<string, unknown>;

/** What the steps of one request's encoding share. */
export interface Encoding {
  readonly conversation: Conversation;
  readonly target: Target;
  readonly names: ToolNames;
  readonly losses: Loss[];
}

export function lose({ conversation, losses }: Encoding, setting: Setting, reason: string): void {
  losses.push({ field: clientField(conversation.protocol, setting), reason });
}

/** Anthropic knows two lifetimes; a longer one than its shortest is the other. */
export function cacheControl(mark: CacheMark | undefined): { cache_control?: Block } {
  if (mark === undefined) return {};
  const { ttl } = mark;
  if (ttl === undefined) return { cache_control: { type: "ephemeral" } };
  return { cache_control: { type: "ephemeral", ttl: ttl === "5m" ? "5m" : "1h" } };
}

export function textBlock(text: string, mark?: CacheMark): Block {
  return { type: "text", text: wellFormed(text), ...cacheControl(mark) };
}

/** Anthropic refuses texts of nothing, or of nothing but space. */
export function isBlank(text: string): boolean {
  return text.trim() === "";
}

/** A call with as many arguments as a client has blocks would break. */
export function append<T>(list: T[], more: readonly T[]): void {
  for (const item of more) list.push(item);
}

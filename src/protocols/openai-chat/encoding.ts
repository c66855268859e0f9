import { clientField, type Setting } from "../canonical/client-field.ts";
import type { Target } from "../canonical/codec.ts";
import type { CacheMark, Conversation } from "../canonical/conversation.ts";
import type { Losses } from "../canonical/losses.ts";
import { cacheBreakpoint } from "../canonical/openai-words.ts";
import type { ToolNames } from "../canonical/tool-names.ts";
import type { Fields } from "../fields.ts";

/** What the steps of one request's encoding share. */
export interface Encoding {
  readonly conversation: Conversation;
  readonly target: Target;
  readonly names: ToolNames;
  readonly losses: Losses;
}

/** OpenAI itself, and OpenAI's models at Azure. */
export function isOpenai({ target }: Encoding): boolean {
  return target.provider === "openai" || target.provider === "azure";
}

/** Tells that a setting stays behind. */
export function lose({ conversation, losses }: Encoding, setting: Setting, reason: string): void {
  losses.add(clientField(conversation.protocol, setting), reason);
}

/** A mark for a prompt cache as the target takes it. */
export function cacheFields(mark: CacheMark | undefined, { target }: Encoding): Fields {
  if (mark === undefined || target.traits.chatCache === "none") return {};
  if (target.traits.chatCache !== "cache_control") return cacheBreakpoint(mark);
  const life = mark.ttl === undefined || mark.ttl === "5m" ? {} : { ttl: "1h" };
  return { cache_control: { type: "ephemeral", ...life } };
}

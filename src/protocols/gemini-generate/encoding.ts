import { clientField, type Setting } from "../canonical/client-field.ts";
import type { Target } from "../canonical/codec.ts";
import type { Loss } from "../canonical/conversation.ts";
import type { ToolNames } from "../canonical/tool-names.ts";
import type { ProtocolId } from "../protocol.ts";

/** What the parts of a request's encoder share. */
export interface Encoding {
  /** The client's. */
  protocol: ProtocolId;
  target: Target;
  names: ToolNames;
  /** How the client calls the list of what was said: `messages`, `input`, `contents`. */
  list: string;
  losses: Loss[];
}

const unknownHere = "not supported by gemini-generate";

export function lose({ losses }: Pick<Encoding, "losses">, field: string, reason = unknownHere): void {
  losses.push({ field, reason });
}

export function loseSetting({ protocol, losses }: Encoding, setting: Setting, reason = unknownHere): void {
  losses.push({ field: clientField(protocol, setting), reason });
}

import type { ProtocolId } from "../protocols/protocol.ts";

export interface Lane {
  /** `same`: bytes stay bytes. `translate`: through the form between two protocols. */
  kind: "same" | "translate";
  /** What is spoken upstream. */
  protocol: ProtocolId;
}

/** Protocols that can say everything a conversation holds; the others are older forms of one of them. */
const fullProtocols: readonly ProtocolId[] = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini-generate",
  "ollama-chat",
];

/**
 * How a client's protocol reaches a provider that speaks `spoken` (in order of preference): its own where the provider
 * has it, else the first that can be translated to; `undefined` when there is none.
 */
export function laneOf(client: ProtocolId, spoken: readonly ProtocolId[]): Lane | undefined {
  if (spoken.includes(client)) return { kind: "same", protocol: client };
  const protocol = spoken.find((candidate) => fullProtocols.includes(candidate));
  return protocol === undefined ? undefined : { kind: "translate", protocol };
}

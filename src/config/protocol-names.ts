/** The wire formats that a client may speak and that a provider may be said to speak (`protocols`). */
export const protocolNames = [
  "openai-chat",
  "openai-completions",
  "openai-responses",
  "anthropic-messages",
  "gemini-generate",
  "ollama-chat",
  "ollama-generate",
] as const;

export type ProtocolName = (typeof protocolNames)[number];

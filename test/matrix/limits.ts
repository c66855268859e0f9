import type { Feature } from "./features.ts";

/** What cannot work between a client and an upstream because of the protocols, and how the gateway says so. */
interface Limit {
  /** Ids; all when left out. */
  clients?: readonly string[];
  upstreams?: readonly string[];
  features: readonly Feature[];
  reason: string;
  /** What the client must have been told. */
  complaint: RegExp;
}

const limits: readonly Limit[] = [
  {
    upstreams: ["claude"],
    features: ["embeddings"],
    reason: "Anthropic's API has no embeddings.",
    complaint: /has no such endpoint/,
  },
  {
    upstreams: ["claude", "gemini", "ollama"],
    features: ["images", "speech", "transcription", "moderations"],
    reason: "Only services with OpenAI's API have this endpoint.",
    complaint: /has no such endpoint/,
  },
  {
    clients: ["vercel-anthropic"],
    upstreams: ["ollama"],
    features: ["structured"],
    reason:
      "Of a model that it does not know, Vercel's Anthropic provider wants JSON by forcing a tool, and Ollama's protocol cannot force one.",
    complaint: /No object generated/,
  },
];

export function limitOf(cell: { client: string; upstream: string; feature: Feature }): Limit | undefined {
  return limits.find(
    ({ clients, upstreams, features }) =>
      (clients?.includes(cell.client) ?? true) &&
      (upstreams?.includes(cell.upstream) ?? true) &&
      features.includes(cell.feature),
  );
}

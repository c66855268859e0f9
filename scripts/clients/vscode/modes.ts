import type { ProtocolName } from "../../../src/config/protocol-names.ts";
import type { UpstreamId } from "../agent.ts";

/** A way in which VS Code can be told of a gateway. */
export interface VsCodeMode {
  id: string;
  protocol: ProtocolName;
  /** The first one is the one in the picture. */
  upstreams: readonly UpstreamId[];
  /** Content of `chatLanguageModels.json`. */
  languageModels(gateway: { origin: string; model: string }): unknown;
}

function customEndpoint(apiType: string): VsCodeMode["languageModels"] {
  return ({ origin, model }) => [
    {
      name: "Orcestator",
      vendor: "customendpoint",
      models: [
        {
          id: model,
          name: model,
          url: `${origin}/v1`,
          apiType,
          toolCalling: true,
          vision: true,
          thinking: true,
          supportsReasoningEffort: ["low", "medium", "high"],
          reasoningEffortFormat: apiType,
          maxInputTokens: 128_000,
          maxOutputTokens: 16_000,
          requestHeaders: { Authorization: "Bearer none-needed" },
        },
      ],
    },
  ];
}

export const modes: readonly VsCodeMode[] = [
  {
    id: "chat-completions",
    protocol: "openai-chat",
    upstreams: ["claude", "chat", "gemini"],
    languageModels: customEndpoint("chat-completions"),
  },
  {
    id: "responses",
    protocol: "openai-responses",
    upstreams: ["claude", "responses", "chat"],
    languageModels: customEndpoint("responses"),
  },
  {
    id: "messages",
    protocol: "anthropic-messages",
    upstreams: ["gemini", "claude", "chat"],
    languageModels: customEndpoint("messages"),
  },
  {
    id: "ollama",
    protocol: "openai-chat",
    upstreams: ["responses", "ollama"],
    languageModels: ({ origin }) => [{ name: "Orcestator", vendor: "ollama", url: origin }],
  },
];

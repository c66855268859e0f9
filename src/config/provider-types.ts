import type { ProtocolName } from "./protocol-names.ts";

interface ProviderTypeFacts {
  /** Base URL of the one service of this type; `""` = there is no upstream at all, `undefined` = the owner must name it. */
  readonly baseUrl: string | undefined;
  /** Whether nothing can be sent without a credential. */
  readonly needsCredential: boolean;
  /** Variable that holds the credential where nobody chose another one. */
  readonly credentialVariable: string;
  /** Path below the base URL whose answer tells a good credential from a bad one. */
  readonly credentialTestPath: string;
  /** Whether the upstream's models are shown unless the owner says otherwise. */
  readonly listModels: boolean;
  /** Upstream model for a start; `undefined` = only the owner can know. */
  readonly defaultModel: string | undefined;
  /** What it speaks unless the owner says otherwise, in order of preference. */
  readonly protocols: readonly ProtocolName[];
  /** What the owner may say besides (`protocols`). */
  readonly alsoSpeaks: readonly ProtocolName[];
}

const openaiWires = ["openai-chat", "openai-responses", "openai-completions", "anthropic-messages"] as const;

interface Service {
  baseUrl: string;
  credentialVariable: string;
  protocols?: readonly ProtocolName[];
}

/** A hosted service with OpenAI's API. */
function hosted({ baseUrl, credentialVariable, protocols = ["openai-chat"] }: Service): ProviderTypeFacts {
  return {
    baseUrl,
    needsCredential: true,
    credentialVariable,
    credentialTestPath: "/models",
    listModels: false,
    defaultModel: undefined,
    protocols,
    alsoSpeaks: openaiWires,
  };
}

/** A server with OpenAI's API that people run themselves; most want no credential. */
function selfHosted(service: Service): ProviderTypeFacts {
  return { ...hosted(service), needsCredential: false, listModels: true };
}

/** What each type of provider knows about itself; the only place where these facts stand. */
export const providerTypes = {
  openrouter: {
    baseUrl: "https://openrouter.ai/api/v1",
    needsCredential: true,
    credentialVariable: "OR_API_KEY",
    // OpenRouter lists its models for anyone.
    credentialTestPath: "/key",
    listModels: true,
    defaultModel: "openai/gpt-4o",
    protocols: ["openai-chat", "openai-responses", "anthropic-messages", "openai-completions"],
    alsoSpeaks: [],
  },
  openai: {
    baseUrl: "https://api.openai.com/v1",
    needsCredential: true,
    credentialVariable: "OPENAI_API_KEY",
    credentialTestPath: "/models",
    listModels: false,
    defaultModel: "gpt-4o",
    protocols: ["openai-chat", "openai-responses", "openai-completions"],
    alsoSpeaks: [],
  },
  anthropic: {
    baseUrl: "https://api.anthropic.com",
    needsCredential: true,
    credentialVariable: "ANTHROPIC_API_KEY",
    credentialTestPath: "/v1/models",
    listModels: false,
    defaultModel: undefined,
    protocols: ["anthropic-messages"],
    // Anthropic's own compatible endpoint, for trials.
    alsoSpeaks: ["openai-chat"],
  },
  gemini: {
    baseUrl: "https://generativelanguage.googleapis.com",
    needsCredential: true,
    credentialVariable: "GEMINI_API_KEY",
    credentialTestPath: "/v1beta/models",
    listModels: false,
    defaultModel: undefined,
    protocols: ["gemini-generate"],
    alsoSpeaks: ["openai-chat"],
  },
  ollama: {
    baseUrl: "http://127.0.0.1:11434",
    needsCredential: false,
    credentialVariable: "OLLAMA_API_KEY",
    credentialTestPath: "/api/tags",
    listModels: true,
    defaultModel: undefined,
    protocols: ["ollama-chat", "openai-chat", "ollama-generate", "openai-completions"],
    alsoSpeaks: ["openai-responses", "anthropic-messages"],
  },
  azure: {
    baseUrl: undefined,
    needsCredential: true,
    credentialVariable: "AZURE_OPENAI_API_KEY",
    credentialTestPath: "/openai/models",
    listModels: false,
    defaultModel: undefined,
    protocols: ["openai-chat", "openai-completions"],
    alsoSpeaks: ["openai-responses"],
  },
  groq: hosted({ baseUrl: "https://api.groq.com/openai/v1", credentialVariable: "GROQ_API_KEY" }),
  deepseek: hosted({ baseUrl: "https://api.deepseek.com/v1", credentialVariable: "DEEPSEEK_API_KEY" }),
  mistral: hosted({ baseUrl: "https://api.mistral.ai/v1", credentialVariable: "MISTRAL_API_KEY" }),
  xai: hosted({
    baseUrl: "https://api.x.ai/v1",
    credentialVariable: "XAI_API_KEY",
    protocols: ["openai-chat", "openai-responses"],
  }),
  together: hosted({
    baseUrl: "https://api.together.xyz/v1",
    credentialVariable: "TOGETHER_API_KEY",
    protocols: ["openai-chat", "openai-completions"],
  }),
  fireworks: hosted({
    baseUrl: "https://api.fireworks.ai/inference/v1",
    credentialVariable: "FIREWORKS_API_KEY",
    protocols: ["openai-chat", "openai-completions"],
  }),
  cerebras: hosted({ baseUrl: "https://api.cerebras.ai/v1", credentialVariable: "CEREBRAS_API_KEY" }),
  moonshot: hosted({ baseUrl: "https://api.moonshot.ai/v1", credentialVariable: "MOONSHOT_API_KEY" }),
  qwen: hosted({
    baseUrl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    credentialVariable: "DASHSCOPE_API_KEY",
  }),
  lmstudio: selfHosted({
    baseUrl: "http://127.0.0.1:1234/v1",
    credentialVariable: "LM_STUDIO_API_KEY",
    protocols: ["openai-chat", "openai-completions"],
  }),
  vllm: selfHosted({
    baseUrl: "http://127.0.0.1:8000/v1",
    credentialVariable: "VLLM_API_KEY",
    protocols: ["openai-chat", "openai-completions"],
  }),
  llamacpp: selfHosted({
    baseUrl: "http://127.0.0.1:8080/v1",
    credentialVariable: "LLAMA_API_KEY",
    protocols: ["openai-chat", "openai-completions"],
  }),
  litellm: selfHosted({
    baseUrl: "http://127.0.0.1:4000/v1",
    credentialVariable: "LITELLM_API_KEY",
    protocols: ["openai-chat", "openai-responses", "anthropic-messages", "openai-completions"],
  }),
  "openai-compatible": {
    baseUrl: undefined,
    needsCredential: false,
    credentialVariable: "UPSTREAM_API_KEY",
    credentialTestPath: "/models",
    listModels: false,
    defaultModel: undefined,
    protocols: ["openai-chat"],
    alsoSpeaks: openaiWires,
  },
  dummy: {
    baseUrl: "",
    needsCredential: false,
    credentialVariable: "",
    credentialTestPath: "",
    listModels: false,
    defaultModel: "dummy",
    protocols: ["openai-chat"],
    alsoSpeaks: [],
  },
} as const satisfies Readonly<Record<string, ProviderTypeFacts>>;

export type ProviderType = keyof typeof providerTypes;

export const providerTypeNames = Object.keys(providerTypes) as readonly ProviderType[];

export function factsOf(type: ProviderType): ProviderTypeFacts {
  return providerTypes[type];
}

/** The provider that OR_API_KEY, OR_BASE_URL and OR_DEFAULT_MODEL shape; its name is that of its type. */
export const defaultProvider = "openrouter" satisfies ProviderType;

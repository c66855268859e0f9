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
  },
  openai: {
    baseUrl: "https://api.openai.com/v1",
    needsCredential: true,
    credentialVariable: "OPENAI_API_KEY",
    credentialTestPath: "/models",
    listModels: false,
    defaultModel: "gpt-4o",
  },
  "openai-compatible": {
    baseUrl: undefined,
    needsCredential: false,
    credentialVariable: "UPSTREAM_API_KEY",
    credentialTestPath: "/models",
    listModels: false,
    defaultModel: undefined,
  },
  dummy: {
    baseUrl: "",
    needsCredential: false,
    credentialVariable: "",
    credentialTestPath: "",
    listModels: false,
    defaultModel: "dummy",
  },
} as const satisfies Readonly<Record<string, ProviderTypeFacts>>;

export type ProviderType = keyof typeof providerTypes;

export const providerTypeNames = Object.keys(providerTypes) as readonly ProviderType[];

export function factsOf(type: ProviderType): ProviderTypeFacts {
  return providerTypes[type];
}

/** The provider that OR_API_KEY, OR_BASE_URL and OR_DEFAULT_MODEL shape; its name is that of its type. */
export const defaultProvider = "openrouter" satisfies ProviderType;

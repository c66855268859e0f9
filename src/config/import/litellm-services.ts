import { factsOf, type ProviderType } from "../provider-types.ts";

/** What stands before the first slash of LiteLLM's model names, and what it is here. */
export interface LitellmService {
  readonly type: ProviderType;
  /** Base URL where the type has none of its own. */
  readonly baseUrl?: string;
  /** Variable that LiteLLM reads where no api_key is written; `undefined` = the service wants no key. */
  readonly variable: string | undefined;
  /** Variable that LiteLLM reads where no api_base is written. */
  readonly baseVariable?: string;
}

function known(type: ProviderType, variable: string = factsOf(type).credentialVariable): LitellmService {
  return { type, variable };
}

function local(type: ProviderType, baseVariable?: string): LitellmService {
  return { type, variable: undefined, ...(baseVariable === undefined ? {} : { baseVariable }) };
}

function compatible(baseUrl: string, variable: string): LitellmService {
  return { type: "openai-compatible", baseUrl, variable };
}

const azure: LitellmService = {
  type: "azure",
  variable: "AZURE_API_KEY",
  baseVariable: "AZURE_API_BASE",
};

export const litellmServices: ReadonlyMap<string, LitellmService> = new Map(
  Object.entries({
    openai: known("openai"),
    "text-completion-openai": known("openai"),
    azure,
    azure_text: azure,
    anthropic: known("anthropic"),
    anthropic_text: known("anthropic"),
    gemini: known("gemini"),
    openrouter: known("openrouter", "OPENROUTER_API_KEY"),
    groq: known("groq"),
    deepseek: known("deepseek"),
    mistral: known("mistral"),
    xai: known("xai"),
    together_ai: known("together", "TOGETHERAI_API_KEY"),
    fireworks_ai: known("fireworks", "FIREWORKS_AI_API_KEY"),
    cerebras: known("cerebras"),
    moonshot: known("moonshot"),
    dashscope: known("qwen"),
    ollama: local("ollama", "OLLAMA_API_BASE"),
    ollama_chat: local("ollama", "OLLAMA_API_BASE"),
    lm_studio: local("lmstudio", "LM_STUDIO_API_BASE"),
    hosted_vllm: local("vllm", "HOSTED_VLLM_API_BASE"),
    vllm: local("vllm"),
    llamafile: local("llamacpp", "LLAMAFILE_API_BASE"),
    litellm_proxy: { type: "litellm", variable: "LITELLM_PROXY_API_KEY", baseVariable: "LITELLM_PROXY_API_BASE" },
    openai_like: local("openai-compatible", "OPENAI_LIKE_API_BASE"),
    custom_openai: local("openai-compatible"),
    aiohttp_openai: local("openai-compatible"),
    xinference: local("openai-compatible", "XINFERENCE_API_BASE"),
    infinity: local("openai-compatible", "INFINITY_API_BASE"),
    ai21: compatible("https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    ai21_chat: compatible("https://api.ai21.com/studio/v1", "AI21_API_KEY"),
    codestral: compatible("https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
    cohere: compatible("https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY"),
    cohere_chat: compatible("https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY"),
    deepinfra: compatible("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    friendliai: compatible("https://api.friendli.ai/serverless/v1", "FRIENDLI_TOKEN"),
    github: compatible("https://models.inference.ai.azure.com", "GITHUB_API_KEY"),
    hyperbolic: compatible("https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    jina_ai: compatible("https://api.jina.ai/v1", "JINA_AI_API_KEY"),
    meta_llama: compatible("https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    nebius: compatible("https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"),
    novita: compatible("https://api.novita.ai/v3/openai", "NOVITA_API_KEY"),
    nvidia_nim: compatible("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    perplexity: compatible("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    sambanova: compatible("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    volcengine: compatible("https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"),
    voyage: compatible("https://api.voyageai.com/v1", "VOYAGE_API_KEY"),
  }),
);

/** Why a service of LiteLLM's cannot be reached: it signs its requests, or has an API of its own. */
const otherApis: Readonly<Record<string, string>> = {
  bedrock:
    "AWS signs its requests (SigV4), which is not spoken here; a LiteLLM that keeps it can be a provider of type litellm",
  bedrock_converse:
    "AWS signs its requests (SigV4), which is not spoken here; a LiteLLM that keeps it can be a provider of type litellm",
  sagemaker: "AWS signs its requests (SigV4), which is not spoken here",
  sagemaker_chat: "AWS signs its requests (SigV4), which is not spoken here",
  vertex_ai:
    "Vertex AI wants short-lived Google tokens, which are not fetched here; for Gemini's models use type gemini with an API key",
  vertex_ai_beta:
    "Vertex AI wants short-lived Google tokens, which are not fetched here; for Gemini's models use type gemini with an API key",
};

export function whyNot(service: string): string {
  const reason = Object.hasOwn(otherApis, service) ? otherApis[service] : undefined;
  return (
    reason ??
    `the API of '${service.slice(0, 40)}' is not spoken here; if it has an OpenAI-compatible one, add it as openai-compatible with its baseUrl`
  );
}

export interface NamedModel {
  /** `undefined`: nothing tells who serves it. */
  readonly service: string | undefined;
  readonly model: string;
}

const beginnings: readonly (readonly [RegExp, string])[] = [
  [/^claude/, "anthropic"],
  [/^gemini|^(?:chat|text|code)-?bison/, "vertex_ai"],
  [
    /^(?:gpt-|chatgpt|o\d|ft:gpt|text-embedding|text-moderation|omni-moderation|dall-e|whisper|tts-|davinci|babbage|codex)/,
    "openai",
  ],
  [/^(?:command|embed-)/, "cohere"],
  [/^deepseek/, "deepseek"],
  [/^(?:anthropic|amazon|meta|cohere|mistral)\./, "bedrock"],
];

/** LiteLLM's `provider/model`, or a bare name whose provider it knows by heart. */
export function splitModel(text: string, customProvider: string | undefined): NamedModel {
  if (customProvider !== undefined) {
    const prefix = `${customProvider}/`;
    return { service: customProvider, model: text.startsWith(prefix) ? text.slice(prefix.length) : text };
  }
  const slash = text.indexOf("/");
  const service = text.slice(0, Math.max(slash, 0));
  if (slash > 0 && (litellmServices.has(service) || !/[.:@-]/.test(service))) {
    return { service, model: text.slice(slash + 1) };
  }
  return { service: beginnings.find(([pattern]) => pattern.test(text))?.[1], model: text };
}

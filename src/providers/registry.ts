import type { ProviderConfig } from "../config/schema.ts";
import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { dummy } from "./dummy/index.ts";
import { gemini } from "./gemini.ts";
import { ollama } from "./ollama.ts";
import { createOpenaiFamily } from "./openai-family.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import type { Provider } from "./provider.ts";

/** Every kind of provider, listed by hand: a compiled executable has no folder to scan. */
export const providers = {
  openrouter,
  openai,
  anthropic,
  gemini,
  ollama,
  azure,
  groq: createOpenaiFamily("groq"),
  deepseek: createOpenaiFamily("deepseek"),
  mistral: createOpenaiFamily("mistral"),
  xai: createOpenaiFamily("xai"),
  together: createOpenaiFamily("together"),
  fireworks: createOpenaiFamily("fireworks"),
  cerebras: createOpenaiFamily("cerebras"),
  moonshot: createOpenaiFamily("moonshot"),
  qwen: createOpenaiFamily("qwen"),
  lmstudio: createOpenaiFamily("lmstudio"),
  vllm: createOpenaiFamily("vllm"),
  llamacpp: createOpenaiFamily("llamacpp"),
  litellm: createOpenaiFamily("litellm"),
  "openai-compatible": createOpenaiFamily("openai-compatible"),
  dummy,
} as const satisfies Record<ProviderConfig["type"], Provider>;

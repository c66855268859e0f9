import type { ProviderConfig } from "../config/schema.ts";
import { dummy } from "./dummy/index.ts";
import { openaiCompatible } from "./openai-compatible.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import type { Provider } from "./provider.ts";

/** Every kind of provider, listed by hand: a compiled executable has no folder to scan. */
export const providers = {
  openrouter,
  openai,
  "openai-compatible": openaiCompatible,
  dummy,
} as const satisfies Record<ProviderConfig["type"], Provider>;

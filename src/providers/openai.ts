import { openaiCompatible } from "./openai-compatible.ts";
import type { Provider } from "./provider.ts";

export const openai: Provider = { ...openaiCompatible, id: "openai" };

import { joinUrl } from "./join-url.ts";
import { createOpenaiFamily } from "./openai-family.ts";
import type { Provider } from "./provider.ts";

export const openai: Provider = {
  ...createOpenaiFamily("openai"),
  keepsResponses: true,
  countTokens: { "openai-responses": ({ baseUrl }) => joinUrl(baseUrl, "/responses/input_tokens") },
};

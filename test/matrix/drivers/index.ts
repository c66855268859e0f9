import type { ClientDriver, GatewayAddress } from "../driver.ts";
import { createAnthropic } from "./anthropic.ts";
import { createGoogle } from "./google.ts";
import { createOllamaGenerate } from "./ollama-generate.ts";
import { createOllama } from "./ollama.ts";
import { createOpenaiChat } from "./openai-chat.ts";
import { createOpenaiCompletions } from "./openai-completions.ts";
import { createOpenaiResponses } from "./openai-responses.ts";
import { createAnthropicRunner, createOpenaiRunner } from "./tool-runners.ts";
import { vercelDrivers } from "./vercel.ts";

const creators = [
  createOpenaiChat,
  createOpenaiResponses,
  createOpenaiCompletions,
  createAnthropic,
  createGoogle,
  createOllama,
  createOllamaGenerate,
  createOpenaiRunner,
  createAnthropicRunner,
  ...vercelDrivers,
];

/** Every real client of the matrix, in the order of its rows. */
export function createDrivers(gateway: GatewayAddress): ClientDriver[] {
  return creators.map((create) => create(gateway));
}

import { join } from "node:path";
import type { Agent } from "./agent.ts";

/** Packages of the AI SDK by the protocol that they speak; each is part of opencode itself. */
const sdks: Readonly<Record<string, string>> = {
  chat: "@ai-sdk/openai-compatible",
  responses: "@ai-sdk/openai",
  messages: "@ai-sdk/anthropic",
};

export const opencode: Agent = {
  id: "opencode",
  name: "opencode",
  package: "opencode-ai",
  version: "1.18.33",
  modes: [
    { id: "chat", protocol: "openai-chat", upstreams: ["chat", "claude", "gemini"] },
    { id: "responses", protocol: "openai-responses", upstreams: ["responses", "claude"] },
    { id: "messages", protocol: "anthropic-messages", upstreams: ["claude", "chat"] },
  ],
  async prepare({ mode, origin, model, prompt, work }) {
    const provider = {
      npm: sdks[mode],
      name: "Orcestator",
      options: { baseURL: `${origin}/v1`, apiKey: "none-needed" },
      models: { [model]: { name: model, tool_call: true, limit: { context: 128_000, output: 16_000 } } },
    };
    const settings = {
      $schema: "https://opencode.ai/config.json",
      autoupdate: false,
      share: "disabled",
      permission: "allow",
      provider: { gateway: provider },
      model: `gateway/${model}`,
      small_model: `gateway/${model}`,
    };
    await Bun.write(join(work, "opencode.json"), JSON.stringify(settings));
    return {
      command: ["opencode", "run", "--model", `gateway/${model}`, prompt],
      env: { OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" },
    };
  },
};

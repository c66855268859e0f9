import { join } from "node:path";
import type { Agent } from "./agent.ts";

export const codex: Agent = {
  id: "codex",
  name: "Codex",
  package: "@openai/codex",
  version: "0.169.0",
  modes: [
    { id: "responses", protocol: "openai-responses", upstreams: ["responses", "chat", "claude", "gemini", "ollama"] },
    // A tool whose input is free text by a grammar.
    { id: "gpt-5.5", protocol: "openai-responses", modelPrefix: "gpt-5.5-", upstreams: ["chat", "claude", "gemini"] },
    // Its tools come as an item of the input.
    { id: "gpt-6", protocol: "openai-responses", modelPrefix: "gpt-6-", upstreams: ["chat", "claude"] },
  ],
  async prepare({ origin, model, prompt, home }) {
    const settings = `
model = "${model}"
model_provider = "gateway"

[model_providers.gateway]
name = "Orcestator"
base_url = "${origin}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
`;
    await Bun.write(join(home, ".codex", "config.toml"), settings);
    return {
      command: ["codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
      env: { GATEWAY_KEY: "none-needed" },
    };
  },
};

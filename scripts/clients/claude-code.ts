import type { Agent } from "./agent.ts";

export const claudeCode: Agent = {
  id: "claude-code",
  name: "Claude Code",
  package: "@anthropic-ai/claude-code",
  version: "2.1.328",
  modes: [
    { id: "messages", protocol: "anthropic-messages", upstreams: ["claude", "chat", "gemini", "responses", "ollama"] },
    { id: "opus", protocol: "anthropic-messages", modelPrefix: "claude-opus-5-5-", upstreams: ["claude", "chat"] },
  ],
  prepare: ({ origin, model, prompt }) =>
    Promise.resolve({
      command: ["claude", "-p", prompt, "--dangerously-skip-permissions"],
      env: {
        // It refuses to skip permissions for root anywhere else.
        IS_SANDBOX: "1",
        ANTHROPIC_BASE_URL: origin,
        ANTHROPIC_AUTH_TOKEN: "none-needed",
        ANTHROPIC_MODEL: model,
        ANTHROPIC_DEFAULT_OPUS_MODEL: model,
        ANTHROPIC_DEFAULT_SONNET_MODEL: model,
        ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      },
    }),
};

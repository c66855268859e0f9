import type { Agent } from "./agent.ts";

const wires: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  completions: { COPILOT_PROVIDER_TYPE: "openai", COPILOT_PROVIDER_WIRE_API: "completions" },
  responses: { COPILOT_PROVIDER_TYPE: "openai", COPILOT_PROVIDER_WIRE_API: "responses" },
  anthropic: { COPILOT_PROVIDER_TYPE: "anthropic" },
};

export const copilotCli: Agent = {
  id: "copilot-cli",
  name: "GitHub Copilot CLI",
  package: "@github/copilot",
  version: "1.0.102",
  modes: [
    { id: "completions", protocol: "openai-chat", upstreams: ["chat", "claude", "gemini"] },
    { id: "responses", protocol: "openai-responses", upstreams: ["responses", "claude", "chat"] },
    { id: "anthropic", protocol: "anthropic-messages", upstreams: ["claude", "chat", "gemini"] },
  ],
  prepare: ({ mode, origin, model, prompt }) =>
    Promise.resolve({
      command: ["copilot", "-p", prompt, "--allow-all-tools", "--allow-all-paths", "--no-color"],
      env: {
        ...wires[mode],
        COPILOT_PROVIDER_BASE_URL: mode === "anthropic" ? origin : `${origin}/v1`,
        COPILOT_PROVIDER_API_KEY: "none-needed",
        COPILOT_MODEL: model,
      },
    }),
};

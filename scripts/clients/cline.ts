import type { Agent } from "./agent.ts";

export const cline: Agent = {
  id: "cline",
  name: "Cline",
  package: "cline",
  version: "3.0.65",
  modes: [{ id: "openai", protocol: "openai-chat", upstreams: ["chat", "claude", "gemini"] }],
  prepare: ({ origin, model, prompt }) =>
    Promise.resolve({
      before: ["cline", "auth", "openai-compatible", "-k", "none-needed", "-m", model, "-b", `${origin}/v1`],
      command: ["cline", "-P", "openai-compatible", "-m", model, prompt],
      // Of the process that it leaves in the background.
      env: { CLINE_HUB_PORT: "23105" },
    }),
};

import { join } from "node:path";
import type { Agent } from "./agent.ts";

export const continueCli: Agent = {
  id: "continue",
  name: "Continue",
  package: "@continuedev/cli",
  version: "1.5.47",
  modes: [
    { id: "openai", protocol: "openai-chat", upstreams: ["chat", "claude", "gemini"] },
    { id: "anthropic", protocol: "anthropic-messages", upstreams: ["claude", "chat"] },
  ],
  async prepare({ mode, origin, model, prompt, home }) {
    const settings = {
      name: "Through a gateway",
      version: "1.0.0",
      schema: "v1",
      models: [
        {
          name: model,
          provider: mode,
          model,
          apiBase: `${origin}/v1`,
          apiKey: "none-needed",
          roles: ["chat"],
          capabilities: ["tool_use"],
        },
      ],
    };
    const path = join(home, "config.yaml");
    // JSON is YAML too.
    await Bun.write(path, JSON.stringify(settings));
    return {
      command: ["cn", "--config", path, "-p", prompt, "--auto"],
      env: { CONTINUE_TELEMETRY_ENABLED: "0", CONTINUE_CLI_AUTO_UPDATED: "1" },
    };
  },
};

import { join } from "node:path";
import type { Agent } from "./agent.ts";

export const geminiCli: Agent = {
  id: "gemini-cli",
  name: "Gemini CLI",
  package: "@google/gemini-cli",
  version: "0.61.0",
  modes: [{ id: "generate", protocol: "gemini-generate", upstreams: ["gemini", "chat", "claude", "responses"] }],
  async prepare({ origin, model, prompt, home }) {
    const settings = {
      security: { auth: { selectedType: "gemini-api-key" } },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
      general: { disableAutoUpdate: true },
    };
    await Bun.write(join(home, ".gemini", "settings.json"), JSON.stringify(settings));
    return {
      command: ["gemini", "-p", prompt, "--yolo", "-m", model],
      env: {
        // It accepts http only for this name.
        GOOGLE_GEMINI_BASE_URL: origin.replace("127.0.0.1", "localhost"),
        GEMINI_API_KEY: "none-needed",
        GEMINI_CLI_TRUST_WORKSPACE: "true",
      },
    };
  },
};

import { resolveConfig, type ResolvedConfig } from "../../src/config/resolve.ts";
import { configSchema } from "../../src/config/schema.ts";

/** A whole configuration of which only the parts under test are spelled out. */
export function configured(parts: Readonly<Record<string, unknown>>): ResolvedConfig {
  return resolveConfig(configSchema.parse({ ...parts }));
}

export function openaiCompatibleAt(baseUrl: string, fields: object = {}): object {
  return { type: "openai-compatible", baseUrl, ...fields };
}

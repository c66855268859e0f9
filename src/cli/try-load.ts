import { ConfigError, loadConfig, type LoadedConfig } from "../config/load.ts";

/** The configuration, or why it cannot be used; a running gateway can be asked in spite of that. */
export function tryLoad(configPath: string | undefined): LoadedConfig | ConfigError {
  try {
    return loadConfig({ configPath, needsCredential: false });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

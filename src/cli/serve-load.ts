import { ConfigError, loadConfig, type LoadedConfig } from "../config/load.ts";
import type { Overlay } from "../config/overlay.ts";
import { type CliError, usageError } from "./output.ts";

export interface ServeFlags {
  config?: string | undefined;
  host?: string | undefined;
  port?: string | undefined;
  "metrics-port"?: string | undefined;
  workers?: string | undefined;
  drain?: string | undefined;
  "drain-delay"?: string | undefined;
  demo?: boolean | undefined;
  open?: boolean | undefined;
}

/** Flags that stand for a setting. */
const settingOf = {
  host: "server.host",
  port: "server.port",
  "metrics-port": "server.metricsPort",
  workers: "server.workers",
  drain: "server.drain",
  "drain-delay": "server.drainDelay",
} as const satisfies Partial<Record<keyof ServeFlags, string>>;

/** What flags were called with wrongly, which is told before anything else that may be wrong. */
function flagMistake(error: ConfigError, args: ServeFlags): CliError | undefined {
  const lines = Object.entries(settingOf).flatMap(([flag, setting]) => {
    const problem = error.problems.find(({ origin, path }) => origin === "flag" && path === setting);
    return problem === undefined ? [] : [`--${flag} ${args[flag as keyof typeof settingOf] ?? ""}: ${problem.message}`];
  });
  return lines.length === 0 ? undefined : usageError(lines.join("\n"));
}

/** The configuration that `serve` was asked for, with changes of the admin API over it. Throws ConfigError or CliError. */
export function loadToServe(args: ServeFlags, overlay: Overlay = []): LoadedConfig {
  const flags = Object.entries(settingOf).map(([flag, setting]) => [setting, args[flag as keyof typeof settingOf]]);
  try {
    const { config: configPath, demo = false } = args;
    return loadConfig({ configPath, demo, overlay, needsFiles: true, flags: Object.fromEntries(flags) });
  } catch (error) {
    throw (error instanceof ConfigError && flagMistake(error, args)) || error;
  }
}

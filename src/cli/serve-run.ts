import { errorText } from "../lib/error-text.ts";
import { ConfigError, loadConfig, type LoadedConfig } from "../config/load.ts";
import type { Overlay } from "../config/overlay.ts";
import { withKeystoreKey } from "../runtime/keystore-key.ts";
import { startServer, type RunningServer } from "../runtime/server.ts";
import { watchConfig } from "../runtime/watch-config.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { CliError, print, usageError } from "./output.ts";
import { banner, setupLines } from "./serve-banner.ts";

export interface ServeFlags {
  config?: string | undefined;
  host?: string | undefined;
  port?: string | undefined;
  "metrics-port"?: string | undefined;
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

function load(args: ServeFlags, overlay: Overlay = []): LoadedConfig {
  const flags = Object.entries(settingOf).map(([flag, setting]) => [setting, args[flag as keyof typeof settingOf]]);
  try {
    const { config: configPath, demo = false } = args;
    return loadConfig({ configPath, demo, overlay, needsFiles: true, flags: Object.fromEntries(flags) });
  } catch (error) {
    throw (error instanceof ConfigError && flagMistake(error, args)) || error;
  }
}

function openInBrowser(url: string): void {
  const command = { win32: ["cmd", "/c", "start", "", url], darwin: ["open", url] }[process.platform as string] ?? [
    "xdg-open",
    url,
  ];
  try {
    Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] }).unref();
  } catch {
    console.log(`  Open ${url} in a browser.`);
  }
}

/** First signal: drain. Second: now. */
function stopOnSignals(running: RunningServer, logger: Logger): void {
  let isStopping = false;
  const stop = (signal: string): void => {
    if (isStopping) {
      running.cut();
      return;
    }
    isStopping = true;
    logger.info(`${signal}: finishing running requests; once more to stop at once.`);
    void running.drain().then((isClean) => process.exit(isClean ? 0 : 1));
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop(signal));
  // On Windows the server is a child of the process the user started: when that one is gone, so is the reason to run.
  process.on("disconnect", () => stop("disconnect"));
}

/** Whatever keeps a server from starting is the owner's to mend: a message, not a stack. */
async function startOrExplain(start: () => Promise<RunningServer>): Promise<RunningServer> {
  try {
    return await start();
  } catch (error) {
    throw new CliError(errorText(error));
  }
}

function surviveBugs(logger: Logger): void {
  // One request's bug must not end everybody's streams.
  process.on("uncaughtException", (error) => logger.error("Uncaught exception", error));
  process.on("unhandledRejection", (error) => logger.error("Unhandled rejection", error));
}

/** Starts the server and stays until a signal ends it. */
export async function serve(args: ServeFlags): Promise<void> {
  const loaded = load(args);
  const logger = createLogger(loaded.config.logging.level);
  for (const warning of loaded.warnings) logger.warn(warning);
  if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0")
    logger.warn(
      "NODE_TLS_REJECT_UNAUTHORIZED=0: upstream certificates are not checked; API keys can be stolen on the way.",
    );
  const source = { loaded, load: (overlay: Overlay) => load(args, overlay) };
  const running = await startOrExplain(async () => startServer(await withKeystoreKey(loaded.config), logger, source));
  surviveBugs(logger);
  stopOnSignals(running, logger);
  if (loaded.config.server.watch && running.reload !== undefined) watchConfig({ reload: running.reload, logger });
  print(banner(loaded, running));
  void running.setupUrl().then((url) => url !== undefined && print(setupLines(url)));
  if (args.open === true) openInBrowser(`${running.url}/docs`);
}

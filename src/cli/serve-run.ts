import { errorText } from "../lib/error-text.ts";
import type { Overlay } from "../config/overlay.ts";
import { withKeystoreKey } from "../runtime/keystore-key.ts";
import type { ConfigSource } from "../runtime/live-config.ts";
import { startServer, type RunningServer } from "../runtime/server.ts";
import { surviveBugs } from "../runtime/survive-bugs.ts";
import { watchConfig } from "../runtime/watch-config.ts";
import { workerCount } from "../runtime/workers/worker-count.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { CliError, print } from "./output.ts";
import { banner, setupLines } from "./serve-banner.ts";
import { loadToServe, type ServeFlags } from "./serve-load.ts";

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

async function startAll(source: ConfigSource, logger: Logger): Promise<RunningServer> {
  const { loaded } = source;
  const workers = workerCount(loaded.config.server.workers);
  const config = await withKeystoreKey(loaded.config);
  if (workers === 1) return startServer({ config, logger, source });
  const { superviseWorkers } = await import("../runtime/workers/supervise.ts");
  return superviseWorkers(config, { logger, source, workers });
}

/** Whatever keeps a server from starting is the owner's to mend: a message, not a stack. */
async function startOrExplain(start: () => Promise<RunningServer>): Promise<RunningServer> {
  try {
    return await start();
  } catch (error) {
    throw new CliError(errorText(error));
  }
}

/** Starts the server and stays until a signal ends it. */
export async function serve(args: ServeFlags): Promise<void> {
  const loaded = loadToServe(args);
  const logger = createLogger(loaded.config.logging.level);
  for (const warning of loaded.warnings) logger.warn(warning);
  if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0")
    logger.warn(
      "NODE_TLS_REJECT_UNAUTHORIZED=0: upstream certificates are not checked; API keys can be stolen on the way.",
    );
  const source = { loaded, load: (overlay: Overlay) => loadToServe(args, overlay) };
  const running = await startOrExplain(() => startAll(source, logger));
  surviveBugs(logger);
  stopOnSignals(running, logger);
  if (loaded.config.server.watch) watchConfig({ reload: running.reload, logger });
  print(banner(loaded, running));
  void running.setupUrl().then((url) => url !== undefined && print(setupLines(url)));
  if (args.open === true) openInBrowser(`${running.url}/docs`);
}

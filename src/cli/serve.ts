import { defineCommand } from "citty";
import { loadConfig } from "../config/load.ts";
import { ensureRealEnvironment } from "../runtime/real-environment.ts";
import { startServer, type RunningServer } from "../runtime/server.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { CliError, print } from "./output.ts";
import { banner } from "./serve-banner.ts";

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
function startOrExplain(start: () => RunningServer): RunningServer {
  try {
    return start();
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error));
  }
}

function surviveBugs(logger: Logger): void {
  // One request's bug must not end everybody's streams.
  process.on("uncaughtException", (error) => logger.error("Uncaught exception", error));
  process.on("unhandledRejection", (error) => logger.error("Unhandled rejection", error));
}

export default defineCommand({
  meta: { name: "serve", description: "Serve the gateway" },
  args: {
    config: {
      type: "string",
      description: "Configuration file (default: orcestator.yaml, .toml or .json here)",
      valueHint: "file",
    },
    host: { type: "string", description: "Address to listen on (default 0.0.0.0)" },
    port: { type: "string", description: "Port of the API (default 8000; 0 = any free one)" },
    "metrics-port": { type: "string", description: "Port of the metrics listener (default 8001; 0 = off)" },
    drain: { type: "string", description: "How long running requests may take after a stop signal (default 30s)" },
    "drain-delay": {
      type: "string",
      description: "How long new requests are still taken after a stop signal (default 0s)",
    },
    demo: { type: "boolean", description: "Use the built-in dummy model where no API key is set" },
    open: { type: "boolean", description: "Open the API documents in a browser" },
  },
  async run({ args }) {
    await ensureRealEnvironment();
    const loaded = loadConfig({
      configPath: args.config,
      demo: args.demo === true,
      flags: {
        "server.host": args.host,
        "server.port": args.port,
        "server.metricsPort": args["metrics-port"],
        "server.drain": args.drain,
        "server.drainDelay": args["drain-delay"],
      },
    });
    const logger = createLogger(loaded.config.logging.level);
    for (const warning of loaded.warnings) logger.warn(warning);
    if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0")
      logger.warn(
        "NODE_TLS_REJECT_UNAUTHORIZED=0: upstream certificates are not checked; API keys can be stolen on the way.",
      );
    const running = startOrExplain(() => startServer(loaded.config, logger));
    surviveBugs(logger);
    stopOnSignals(running, logger);
    print(banner(loaded, running));
    if (args.open === true) openInBrowser(`${running.url}/docs`);
  },
});

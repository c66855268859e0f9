import { restored } from "../../config/resolve.ts";
import { errorText } from "../../lib/error-text.ts";
import { createRelayedLogger, type Logger } from "../../telemetry/logger.ts";
import type { ConfigSource } from "../live-config.ts";
import { type RunningServer, startServer } from "../server.ts";
import { surviveBugs } from "../survive-bugs.ts";
import { linkToParent, type ParentLink } from "./parent-link.ts";
import type { WorkerStart } from "./speech.ts";

/** For the last words to leave. */
const lastWordsMs = 50;

/** Reads the configuration as this process was started, with changes laid over it. Throws ConfigError. */
type Load = ConfigSource["load"];

/** What a worker reads is what its parent serves, but for the ports. */
function sourceOf({ loaded }: WorkerStart, load: Load): ConfigSource {
  const { port, metricsPort } = loaded.config.server;
  return {
    loaded: { ...loaded, config: restored(loaded.config) },
    load(overlay) {
      const next = load(overlay);
      return { ...next, config: { ...next.config, server: { ...next.config.server, port, metricsPort } } };
    },
  };
}

interface Beginning {
  readonly begin: WorkerStart;
  readonly load: Load;
  readonly logger: Logger;
}

async function start(link: ParentLink, { begin, load, logger }: Beginning): Promise<RunningServer> {
  const mayListen = async (): Promise<void> => void (await link.dialogue.ask("mayListen", null));
  const worker = { parent: link.parts(begin), mayListen };
  const source = sourceOf(begin, load);
  const running = await startServer({ config: source.loaded.config, logger, source, worker });
  if (begin.lastRead !== undefined) running.configRead(begin.lastRead.refused);
  return running;
}

/** Serves as one of several workers, until its parent says otherwise or is gone. */
export async function runWorker(load: Load): Promise<void> {
  let running: RunningServer | undefined;
  // Signals that all processes of a terminal or a service get are the parent's to deal with: it tells what to do.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  const link = linkToParent(
    {
      hears: {
        drain() {
          if (running === undefined) process.exit(0);
          void running.drain().then((isClean) => process.exit(isClean ? 0 : 1));
        },
        cut: () => running?.cut(),
        configRead: ({ refused }) => running?.configRead(refused),
      },
      answers: {
        reload: () => ({ refused: running === undefined ? "it has not started yet" : running.reload.attempt() }),
        snapshot: () => running?.snapshot() ?? [],
      },
    },
    // Nobody would write its records or know of it.
    () => process.exit(1),
  );
  const { dialogue } = link;
  const begin = await dialogue.ask("start", null);
  const logger = createRelayedLogger(begin.loaded.config.logging.level, (line) => dialogue.tell("log", line));
  try {
    running = await start(link, { begin, load, logger });
  } catch (error) {
    dialogue.tell("failed", errorText(error));
    await Bun.sleep(lastWordsMs);
    process.exit(1);
  }
  surviveBugs(logger);
  dialogue.tell("serving", null);
}

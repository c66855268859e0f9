import type { ResolvedConfig } from "../../config/resolve.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { createWorkerMetrics } from "../../telemetry/metrics-of-workers.ts";
import { databaseNotices } from "../database-notices.ts";
import { createGeneration } from "../generation.ts";
import type { ConfigSource } from "../live-config.ts";
import { setupUrl } from "../setup-url.ts";
import { createLasting, type Lasting } from "../lasting.ts";
import { listenForMetrics, type RunningServer, urlOf } from "../server.ts";
import { type Crew, createCrew } from "./crew.ts";
import { type HeldPort, holdPort } from "./hold-port.ts";
import { createLogRelay, type LogRelay } from "./log-relay.ts";
import { createParentConfig, type ParentConfig, withoutRedis } from "./parent-config.ts";
import type { WorkerStart } from "./speech.ts";
import { createWorkerServices } from "./worker-services.ts";

/** Beyond the drain's own time, for what is written at the end. */
const lateMs = 10_000;
/** The parent takes no requests; its connections are Prometheus's. */
const idleSeconds = 60;

export interface SuperviseOptions {
  readonly logger: Logger;
  /** Where the configuration can be read again. */
  readonly source: ConfigSource;
  readonly workers: number;
}

/** What the parent has before its workers. */
interface Parent {
  readonly held: HeldPort;
  readonly config: ParentConfig;
  readonly lasting: Lasting;
  readonly relay: LogRelay;
}

/** The workers, and the page with the numbers of all. */
interface AtWork {
  readonly crew: Crew;
  readonly metricsServer: ReturnType<typeof listenForMetrics>;
  /** Writes what is still to be written. */
  readonly close: () => Promise<void>;
}

async function openLasting(config: ParentConfig, logger: Logger): Promise<Lasting> {
  const start = withoutRedis(config.served());
  const lasting = createLasting({ config: start, logger, idleSeconds, isDraining: () => false, live: config.live });
  config.bringTo(lasting);
  try {
    lasting.follow(createGeneration(lasting.config, lasting));
    await lasting.ready();
    return lasting;
  } catch (error) {
    await lasting.close();
    throw error;
  }
}

async function openParent(config: ResolvedConfig, { logger, source }: SuperviseOptions): Promise<Parent> {
  const held = holdPort(config.server);
  const relay = createLogRelay(logger);
  try {
    const parentConfig = createParentConfig(config, { source, relay });
    return { held, config: parentConfig, lasting: await openLasting(parentConfig, logger), relay };
  } catch (error) {
    await held.release();
    throw error;
  }
}

/** What a worker that starts now begins with. */
function startOf({ held, config, lasting }: Parent, workers: number): WorkerStart {
  const served = config.served();
  const server = { ...served.server, port: held.port, metricsPort: 0 };
  const loaded = { ...config.live.reload.loaded(), config: { ...served, server } };
  return { loaded, workers, ringCapacity: lasting.requests.ring.capacity, lastRead: config.lastRead() };
}

/** The workers, not started yet, and the text of that page. */
function crewOf(
  parent: Parent,
  { logger, workers }: SuperviseOptions,
): { crew: Crew; metricsText: () => Promise<string> } {
  const { lasting, relay } = parent;
  const metrics = createWorkerMetrics({ serving: () => crew.serving() });
  const metricsText = async (): Promise<string> =>
    metrics.text([await lasting.metrics.snapshot(), ...(await crew.snapshots())]);
  const crew = createCrew({
    workers,
    logger,
    serviceFor: createWorkerServices({
      lasting,
      relay,
      startOf: () => startOf(parent, workers),
      metrics,
      metricsText,
    }),
    onRestart() {
      metrics.restarted();
      lasting.virtualKeys?.afterCrash();
    },
    notices: () => databaseNotices(lasting.database),
  });
  return { crew, metricsText };
}

/** Settles when all workers serve. */
async function startWork(parent: Parent, options: SuperviseOptions): Promise<AtWork> {
  const { held, config, lasting } = parent;
  const { crew, metricsText } = crewOf(parent, options);
  const metricsServer = listenForMetrics(lasting.config.server, {
    metrics: { text: metricsText, contentType: lasting.metrics.contentType },
    logger: options.logger,
  });
  async function close(): Promise<void> {
    await metricsServer?.stop(true);
    await lasting.close();
  }
  try {
    await crew.start(() => held.release());
    config.tell(crew);
  } catch (error) {
    crew.kill();
    await held.release();
    await close();
    throw error;
  }
  return { crew, metricsServer, close };
}

function runningServer({ held, config, lasting }: Parent, { crew, metricsServer, close }: AtWork): RunningServer {
  const { host, metricsHost, tls } = lasting.config.server;
  const url = urlOf(held, host, tls === undefined ? "http" : "https");
  let ending: Promise<boolean> | undefined;

  async function drain(): Promise<boolean> {
    const { drain: drainMs, drainDelay } = config.served().server;
    const isClean = await crew.drain(drainMs + drainDelay + lateMs);
    await close();
    return isClean;
  }

  return {
    url,
    // Without a database whoever it makes would be known to one worker alone.
    issuedKeys: () => lasting.virtualKeys?.book.size ?? 0,
    keysWereIssued: () => lasting.virtualKeys?.book.wereIssued ?? false,
    keysAreKnown: () => lasting.virtualKeys?.book.isLoaded ?? true,
    setupUrl: () => (lasting.database === undefined ? Promise.resolve(undefined) : setupUrl(lasting, url)),
    metricsUrl: metricsServer && `${urlOf(metricsServer, metricsHost, "http")}/metrics`,
    drain: () => (ending ??= drain()),
    cut: () => crew.tell("cut", null),
    reload: config.live.reload,
    configRead: (refused) => lasting.configStatus.read(refused),
    snapshot: () => lasting.metrics.snapshot(),
  };
}

/**
 * Serves with several processes on one port. This one takes no requests: it has the files, the database's records, the
 * metrics page and, without Redis, what all decide together; it starts the workers and replaces those that die. Rejects
 * with an Error for people when the port or the database cannot be had, or a worker cannot start.
 */
export async function superviseWorkers(config: ResolvedConfig, options: SuperviseOptions): Promise<RunningServer> {
  const parent = await openParent(config, options);
  return runningServer(parent, await startWork(parent, options));
}

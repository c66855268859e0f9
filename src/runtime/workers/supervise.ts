import type { ResolvedConfig } from "../../config/resolve.ts";
import { createWorkerMeeting } from "../../coordination/parent/worker-meeting.ts";
import { freedChannel } from "../../limits/shared-lease.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { createWorkerMetrics } from "../../telemetry/metrics-of-workers.ts";
import { databaseNotices } from "../database-notices.ts";
import { createGeneration } from "../generation.ts";
import { createLiveConfig, type ConfigSource } from "../live-config.ts";
import { setupUrl } from "../setup-url.ts";
import { createLasting, type Lasting } from "../lasting.ts";
import { listenForMetrics, type RunningServer, urlOf } from "../server.ts";
import { type Crew, createCrew } from "./crew.ts";
import { holdPort } from "./hold-port.ts";
import { createLogRelay } from "./log-relay.ts";
import type { Service } from "./member.ts";
import { chainOf } from "./parent-responses.ts";
import type { ConfigOutcome, WorkerStart } from "./speech.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Beyond the drain's own time, for what is written at the end. */
const lateMs = 10_000;
/** Among the lines of workers, who count from 1. */
const parentVoice = 0;
/** The parent takes no requests; its connections are Prometheus's. */
const idleSeconds = 60;

/** It takes no part in what gateways share: its workers do. */
function withoutRedis(config: ResolvedConfig): ResolvedConfig {
  return { ...config, redis: { ...config.redis, enabled: false } };
}

async function open(lasting: Lasting): Promise<void> {
  try {
    lasting.follow(createGeneration(lasting.config, lasting));
    await lasting.ready();
  } catch (error) {
    await lasting.close();
    throw error;
  }
}

export interface SuperviseOptions {
  readonly logger: Logger;
  /** Where the configuration can be read again. */
  readonly source: ConfigSource;
  readonly workers: number;
}

/**
 * Serves with several processes on one port. This one takes no requests: it has the files, the database's records, the
 * metrics page and, without Redis, what all decide together; it starts the workers and replaces those that die. Rejects
 * with an Error for people when the port or the database cannot be had, or a worker cannot start.
 */
export async function superviseWorkers(
  config: ResolvedConfig,
  { logger, source, workers }: SuperviseOptions,
): Promise<RunningServer> {
  const held = holdPort(config.server);
  let served = config;
  let lastRead: ConfigOutcome | undefined;
  let ending: Promise<boolean> | undefined;
  /** Once all of them serve. */
  let atWork: Crew | undefined;
  const relay = createLogRelay(logger);
  const live = createLiveConfig({
    source,
    // Its workers read the same configuration, and say the same of it.
    logger: {
      info: (text) => relay(parentVoice, { type: "info", text }),
      warn: (text) => relay(parentVoice, { type: "warn", text }),
      error: (text) => relay(parentVoice, { type: "error", text }),
    },
    apply(changed) {
      // Throws where it cannot be made: no worker hears of it then.
      lasting.follow(createGeneration(withoutRedis(changed), lasting));
      served = changed;
      atWork?.reload();
    },
    onRead(refused) {
      lastRead = { refused };
      lasting.configStatus.read(refused);
      atWork?.tell("configRead", lastRead);
    },
  });
  let lasting: Lasting;
  try {
    lasting = createLasting({ config: withoutRedis(config), logger, idleSeconds, isDraining: () => false, live });
    await open(lasting);
  } catch (error) {
    await held.release();
    throw error;
  }

  const meeting = createWorkerMeeting({ freedNews: (key) => ({ channel: freedChannel, message: key }) });
  const metrics = createWorkerMetrics({ serving: () => crew.serving() });
  const crew = createCrew({
    workers,
    logger,
    serviceFor,
    onRestart: () => metrics.restarted(),
    notices: () => databaseNotices(lasting.database),
  });

  function startOf(): WorkerStart {
    const server = { ...served.server, port: held.port, metricsPort: 0 };
    const loaded = { ...live.reload.loaded(), config: { ...served, server } };
    return { loaded, workers, ringCapacity: lasting.requests.ring.capacity, lastRead };
  }

  function serviceFor(index: number, process: () => WorkerProcess): Service {
    const seat = meeting.admit((published) => process().dialogue.tell("published", published));
    return {
      listener: {
        hears: {
          log: (line) => relay(index, line),
          published: (published) => seat.publish(published),
          keepResponse: (entry) => lasting.responseStore?.save(entry),
        },
        answers: {
          start: startOf,
          records(records) {
            for (const record of records) lasting.keep(record);
            return null;
          },
          decide: (question) => seat.answer(question),
          request: (id) => lasting.requests.ring.find(id),
          recent: async ({ skip, count }) => (await lasting.requests.ring.newest(skip + count, () => true)).slice(skip),
          metrics: metricsText,
          responses: (id) => chainOf(lasting.responseStore, id),
          async forgetResponse(id) {
            await lasting.responseStore?.delete(id);
            return null;
          },
        },
      },
      leave(lastSnapshot) {
        void seat.leave();
        void metrics.keep(lastSnapshot);
      },
    };
  }

  async function metricsText(): Promise<string> {
    return metrics.text([await lasting.metrics.snapshot(), ...(await crew.snapshots())]);
  }

  const metricsServer = listenForMetrics(config.server, {
    metrics: { text: metricsText, contentType: lasting.metrics.contentType },
    logger,
  });

  async function close(): Promise<void> {
    await metricsServer?.stop(true);
    await lasting.close();
  }

  async function drain(): Promise<boolean> {
    const { drain: drainMs, drainDelay } = served.server;
    const isClean = await crew.drain(drainMs + drainDelay + lateMs);
    await close();
    return isClean;
  }

  try {
    await crew.start(() => held.release());
    atWork = crew;
  } catch (error) {
    crew.kill();
    await held.release();
    await close();
    throw error;
  }

  const url = urlOf(held, config.server.host, config.server.tls === undefined ? "http" : "https");
  return {
    url,
    // Without a database whoever it makes would be known to one worker alone.
    issuedKeys: () => lasting.virtualKeys?.book.size ?? 0,
    setupUrl: () => (lasting.database === undefined ? Promise.resolve(undefined) : setupUrl(lasting, url)),
    metricsUrl: metricsServer && `${urlOf(metricsServer, config.server.metricsHost, "http")}/metrics`,
    drain: () => (ending ??= drain()),
    cut: () => crew.tell("cut", null),
    reload: live.reload,
    configRead: (refused) => lasting.configStatus.read(refused),
    snapshot: () => lasting.metrics.snapshot(),
  };
}

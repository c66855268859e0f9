import { errorText } from "../lib/error-text.ts";
import { isUsable, type ResolvedConfig } from "../config/resolve.ts";
import { createGateway, type Gateway } from "../gateway/handle.ts";
import { createReasoningMemory } from "../gateway/reasoning-memory.ts";
import { createStoredResponses } from "../gateway/stored-responses.ts";
import type { Translation } from "../gateway/translation.ts";
import { createAccess } from "../http/access.ts";
import { createApp, type App } from "../http/app.ts";
import { createConnections, type Connections } from "../http/connections.ts";
import { createCors, type Cors } from "../http/cors.ts";
import type { Readiness } from "../http/route-parts.ts";
import { createKeyRing } from "../keys/key-ring.ts";
import { alarms } from "../lib/alarms.ts";
import { traitsOf } from "../protocols/canonical/traits-of.ts";
import { createCatalog, type Catalog } from "../routing/catalog.ts";
import { createModelTable, type ModelTable } from "../routing/model-table.ts";
import { listModels } from "../routing/offered-models.ts";
import { createRecordWriter, type RecordWriter } from "../storage/record-writer.ts";
import { createMemoryResponseStore } from "../storage/responses/memory.ts";
import type { ResponseStore } from "../storage/responses/response-store.ts";
import { openSqliteStore, sqlitePathOf } from "../storage/sqlite/index.ts";
import { openSqliteResponseStore } from "../storage/sqlite/responses.ts";
import { storeSink } from "../storage/store-sink.ts";
import { createConsoleLog } from "../telemetry/console-log.ts";
import { createJsonlLog } from "../telemetry/jsonl-log.ts";
import { consoleHasColor, type Logger } from "../telemetry/logger.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createRefusalLog } from "../telemetry/refusal-log.ts";
import type { RecordSink } from "../telemetry/sink.ts";
import { tailFile } from "../telemetry/tail.ts";
import { createTrafficLog } from "../telemetry/traffic-log.ts";

export interface Parts {
  app: App;
  gateway: Gateway;
  catalog: Catalog;
  table: ModelTable;
  metrics: Metrics;
  records: RecordWriter;
  /** Answers of /v1/responses that are kept here. */
  responses: ResponseStore | undefined;
  connections: Connections;
  cors: Cors;
}

export interface ComposeOptions {
  config: ResolvedConfig;
  logger: Logger;
  idleSeconds: number;
  isDraining: () => boolean;
}

/** Where consola begins to show `info`. */
const infoLevel = 3;

const unlimited = 1_000_000_000;

/** Characters that the content policy keeps. */
function textLimitOf(policy: string): number {
  if (policy === "none") return 0;
  return policy === "full" ? unlimited : Number(policy.slice("truncate:".length));
}

function sinksOf({ logging, storage }: ResolvedConfig, logger: Logger): RecordSink[] {
  const onWarning = (message: string): void => logger.warn(message);
  const sinks: RecordSink[] = [];
  if (logger.level >= infoLevel) {
    sinks.push(createConsoleLog({ write: (text) => void process.stderr.write(text), hasColor: consoleHasColor() }));
  }
  if (logging.file !== "") {
    const { file, maxBytes, daily, keep } = logging;
    sinks.push(createTrafficLog({ file, maxBytes, daily, keep, onWarning }));
  }
  if (logging.metricsDir !== "") sinks.push(createJsonlLog({ dir: logging.metricsDir }));
  if (storage.url !== undefined) sinks.push(storeSink(openSqliteStore({ path: sqlitePathOf(storage.url), onWarning })));
  return sinks;
}

/** At most one line a minute for each sink: a full disk must not fill the console too. */
function createSinkComplaint(logger: Logger): (sink: string, error: unknown) => void {
  const quietUntil = new Map<string, number>();
  return (sink, error) => {
    const now = Date.now();
    if (now < (quietUntil.get(sink) ?? 0)) return;
    quietUntil.set(sink, now + 60_000);
    logger.warn(`Records cannot be written to the ${sink}: ${errorText(error)}. Traffic goes on.`);
  };
}

function readinessOf(config: ResolvedConfig, isDraining: boolean): Readiness {
  const reasons: string[] = [];
  if (isDraining) reasons.push("The gateway is shutting down.");
  const usable = Object.values(config.providers).some(isUsable);
  if (!usable) reasons.push("No enabled provider has a credential.");
  return { isReady: reasons.length === 0, reasons };
}

/** Where answers of /v1/responses are kept for upstreams that keep none. */
function responseStoreOf({ responses, storage, logging }: ResolvedConfig, logger: Logger): ResponseStore | undefined {
  if (responses.store === "off") return undefined;
  const { maxBytes } = responses;
  // Where no content may be kept, none is written to a disk.
  if (storage.url === undefined || logging.content === "none") return createMemoryResponseStore({ maxBytes });
  const onWarning = (message: string): void => logger.warn(message);
  return openSqliteResponseStore({ path: sqlitePathOf(storage.url), maxBytes, onWarning });
}

function translationOf(
  { server, keys }: ResolvedConfig,
  catalog: Catalog,
  responses: ResponseStore | undefined,
): Translation {
  return {
    memory: createReasoningMemory(),
    responses: createStoredResponses(responses, { hasManyKeys: keys.inbound.length > 1 }),
    isStrict: server.strict,
    traitsOf({ upstream, model }) {
      const facts = catalog.find(upstream, model);
      return traitsOf({ model, provider: upstream.config.type, facts });
    },
  };
}

/** Wires the house by hand: everything that a server needs, nothing started yet. */
export function compose({ config, logger, idleSeconds, isDraining }: ComposeOptions): Parts {
  const { server, logging, keys, admin } = config;
  const table = createModelTable(config);
  const catalog = createCatalog({
    upstreams: table.upstreams,
    onProblem: (upstream, error) => logger.debug(`The models of ${upstream} cannot be listed: ${errorText(error)}`),
  });
  const isKnownModel = (model: string): boolean =>
    table.aliases.has(model) || table.upstreams.some((upstream) => catalog.find(upstream, model) !== undefined);
  const sinks = sinksOf(config, logger);
  const metrics = createMetrics({
    isKnownModel,
    queueDepth: () => records.depth(),
    sinks: sinks.map(({ name }) => name),
  });
  const records = createRecordWriter({
    sinks,
    onDrop: (sink, count) => metrics.queueDropped(sink, count),
    onError: createSinkComplaint(logger),
  });
  const responses = responseStoreOf(config, logger);
  const gateway = createGateway({
    table,
    translation: translationOf(config, catalog, responses),
    textLimit: textLimitOf(logging.content),
    heartbeatMs: server.heartbeat,
    maxJsonDepth: server.maxJsonDepth,
    responseModel: server.responseModel,
    retryAfterSeconds: server.retryAfter / 1000,
    onStart: () => metrics.requestStarted(),
    onAttempt: (target, outcome) => metrics.attempt(target.upstream.name, outcome === "ok" ? "ok" : outcome.code),
    onDropped: ({ client, upstream, count }) => metrics.fieldsDropped(client, upstream, count),
    onFinish(record) {
      records.push(record);
      metrics.requestFinished(record);
    },
    onBug: (error, requestId) => logger.error(`Request ${requestId} met a bug`, error),
  });
  const connections = createConnections(idleSeconds);
  const access = createAccess({
    anonymous: server.anonymous,
    cors: server.cors,
    keyHeader: keys.header,
    inboundKeys: createKeyRing(keys.inbound),
    adminKeys: createKeyRing(admin.token === undefined ? [] : [admin.token]),
    connections,
  });
  const app = createApp(
    {
      server,
      gateway,
      access,
      connections,
      metrics,
      models: () => listModels(table, catalog),
      readiness: () => readinessOf(config, isDraining()),
      onRefusal: createRefusalLog({
        write: (line) => logger.info(line),
        after: (milliseconds, ring) => alarms.set(milliseconds, ring),
      }),
      tail: logging.file === "" ? undefined : (options) => tailFile({ file: logging.file, ...options }),
    },
    (error) => logger.error("A request met a bug", error),
  );
  return { app, gateway, catalog, table, metrics, records, responses, connections, cors: createCors(server.cors) };
}

import { serverAddressOf } from "../config/database-url.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import type { Coordinator } from "../coordination/coordinator.ts";
import { createSharedResponses } from "../gateway/shared-responses.ts";
import { openStore } from "../storage/engines.ts";
import { createMemoryResponseStore } from "../storage/responses/memory.ts";
import type { ResponseStore } from "../storage/responses/response-store.ts";
import { storeSink } from "../storage/store-sink.ts";
import { createConsoleLog } from "../telemetry/console-log.ts";
import { createJsonlLog } from "../telemetry/jsonl-log.ts";
import { consoleHasColor, type Logger } from "../telemetry/logger.ts";
import { createRetention, type Retention } from "../storage/retention.ts";
import type { Store } from "../storage/store.ts";
import type { RecordSink } from "../telemetry/sink.ts";
import { createTrafficLog } from "../telemetry/traffic-log.ts";

/** Where consola begins to show `info`. */
const infoLevel = 3;

/** Where records go. */
export function sinksOf(
  { logging }: ResolvedConfig,
  { logger, store }: { logger: Logger; store: Store | undefined },
): RecordSink[] {
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
  if (store !== undefined) sinks.push(storeSink(store));
  return sinks;
}

/** The database; `undefined` where none is configured. */
export function storeOf({ storage }: ResolvedConfig, logger: Logger): Store | undefined {
  const { url, timeout, connections } = storage;
  if (url === undefined) return undefined;
  return openStore({ url, timeoutMs: timeout, connections, onWarning: (message) => logger.warn(message) });
}

/** The database is one that other gateways may use as well. */
export function isOnServer({ storage: { url } }: Pick<ResolvedConfig, "storage">): boolean {
  return url !== undefined && serverAddressOf(url) !== undefined;
}

/** Deletes from the database what is old, as configured. */
export function retentionOf(
  { storage }: ResolvedConfig,
  { logger, store, removeExpired }: { logger: Logger; store: Store; removeExpired: () => Promise<number> },
): Retention {
  return createRetention({
    store,
    ...storage.retention,
    removeExpired,
    onWarning: (message) => logger.warn(message),
  });
}

interface KeepingPlaces {
  logger: Logger;
  store: Store | undefined;
  /** Of several gateways; `undefined` = this one is by itself. */
  coordinator: Coordinator | undefined;
  /** A worker's is its parent's. */
  inMemory?: ((options: { maxBytes: number }) => ResponseStore) | undefined;
}

/** Where answers of /v1/responses are kept for upstreams that keep none. */
export function responseStoreOf(
  { responses, logging, storage }: ResolvedConfig,
  { logger, store, coordinator, inMemory = createMemoryResponseStore }: KeepingPlaces,
): ResponseStore | undefined {
  if (responses.store === "off") return undefined;
  const { maxBytes } = responses;
  // Where no content may be kept, none leaves this gateway.
  if (logging.content === "none") return inMemory({ maxBytes });
  const onWarning = (message: string): void => logger.warn(message);
  // A file is this gateway's own.
  if (coordinator !== undefined && !isOnServer({ storage }))
    return createSharedResponses(coordinator, { maxBytes, onWarning });
  return store === undefined ? inMemory({ maxBytes }) : store.responses({ maxBytes, onWarning });
}

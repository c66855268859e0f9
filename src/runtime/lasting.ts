import { type Configuration, createConfiguration } from "../admin/configuration/index.ts";
import type { LiveConfig } from "../admin/configuration/live-config.ts";
import type { Identity } from "../admin/identity/identity.ts";
import { createVirtualKeys, type VirtualKeys } from "../admin/virtual-keys.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import type { Load } from "../gateway/gateway-options.ts";
import { createReasoningMemory, type ReasoningMemory } from "../gateway/reasoning-memory.ts";
import { createStoredResponses, type StoredResponses } from "../gateway/stored-responses.ts";
import { createConnections, type Connections } from "../http/connections.ts";
import type { RequestSource } from "../http/requests.ts";
import type { SecretBox } from "../keys/secret-box.ts";
import { alarms } from "../lib/alarms.ts";
import { type AddressRange, parseAddressRange } from "../lib/cidr.ts";
import { createPriceRefresh, type PriceRefresh } from "../prices/price-refresh.ts";
import { createPriceTable, type PriceTable } from "../prices/price-table.ts";
import { errorText } from "../lib/error-text.ts";
import type { Limiter } from "../limits/limiter.ts";
import { createLimiter } from "../limits/memory-limiter.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { ReserveMoney } from "../limits/shared-budgets.ts";
import { createOverload, type Overload } from "../limits/overload.ts";
import { type AffinityMemory, createAffinityMemory } from "../routing/affinity.ts";
import { createHealthLog } from "../routing/health/health-log.ts";
import type { HealthRegistry } from "../routing/health/health.ts";
import { createHealthRegistry } from "../routing/health/registry.ts";
import type { DocumentChange } from "../storage/document-store.ts";
import { createRecordWriter, type RecordWriter } from "../storage/record-writer.ts";
import type { ResponseStore } from "../storage/responses/response-store.ts";
import type { Store } from "../storage/store.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createRefusalLog, type Refusal } from "../telemetry/refusal-log.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { packTrail } from "../telemetry/pack-trail.ts";
import { createRequestRing } from "../telemetry/request-ring.ts";
import { becomeReady } from "./become-ready.ts";
import { type ConfigStatus, createConfigStatus } from "./config-status.ts";
import { fetchText } from "./fetch-text.ts";
import { type Coordination, createCoordination } from "./coordination.ts";
import type { Generation } from "./generation.ts";
import { identityOf } from "./identity-of.ts";
import { secretBoxOf } from "./secret-box-of.ts";
import { textLimitOf } from "./text-limit.ts";
import type { ParentParts } from "./workers/parent-parts.ts";
import { createSinkComplaints } from "./sink-complaints.ts";
import { isOnServer, responseStoreOf, retentionOf, sinksOf, storeOf } from "./sinks.ts";

/**
 * What lives as long as the process, however often the configuration changes: what is known and counted, and what holds
 * files. It keeps the settings of the start (see `settings-of-the-start.ts`); what a new configuration changes in it, it
 * is told by `follow`.
 */
export interface Lasting {
  /** The configuration of the start. */
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly configStatus: ConfigStatus;
  readonly records: RecordWriter;
  /** Answers of /v1/responses that are kept here, and who owns those that upstreams keep. */
  readonly responses: StoredResponses;
  /** Where they are kept; `undefined` = nowhere. */
  readonly responseStore: ResponseStore | undefined;
  readonly memory: ReasoningMemory;
  /** The audit database; `undefined` = none is configured. */
  readonly database: Store | undefined;
  /** Virtual keys, their budgets and who changes them; `undefined` = no database holds any. */
  readonly virtualKeys: VirtualKeys | undefined;
  readonly prices: { readonly table: PriceTable; readonly refresh: PriceRefresh };
  /** What is served, and how it is changed; `undefined` = nobody can read it again. */
  readonly configuration: Configuration | undefined;
  /** Seals what is secret in the database; `undefined` = there is no database, or no key that all its gateways have. */
  readonly secrets: SecretBox | undefined;
  readonly identity: Identity;
  /** Sets money aside for requests of keys with budgets; `undefined` = there are no virtual keys. */
  readonly reserve: ReserveMoney | undefined;
  /** What is shared with other gateways; `undefined` = this one is by itself. */
  readonly coordination: Coordination | undefined;
  readonly health: HealthRegistry;
  readonly limiter: Limiter;
  readonly overload: Overload;
  /** Of all generations together. */
  readonly load: Load;
  readonly affinity: AffinityMemory;
  /** Where finished requests are looked for. */
  readonly requests: RequestSource;
  /** A request has ended: it is written down and counted. */
  finished(record: RequestRecord): void;
  /** It is written down. */
  keep(record: RequestRecord): void;
  readonly connections: Connections;
  /** Told of every request that is refused before it reaches the gateway. */
  onRefusal(refusal: Refusal): void;
  isDraining(): boolean;
  /**
   * Waits for other gateways, the database and the keys in it, a few seconds at most: where they are away it serves all the same.
   * Rejects with a GatewayError for what time does not mend, such as a newer release's schema. `undefined` = there is none.
   */
  ready(): Promise<void> | undefined;
  /** A generation serves from now on. */
  follow(generation: Generation): void;
  /** Writes what is still to be written. */
  close(): Promise<void>;
}

function queueOf({ limits: { queue } }: ResolvedConfig) {
  return { size: queue.size, waitMs: queue.wait };
}

function overloadOf({ limits: { maxRequests, maxLag } }: ResolvedConfig, parent: ParentParts | undefined) {
  return { maxRequests: Math.ceil(maxRequests / (parent?.workers ?? 1)), maxLagMs: maxLag };
}

function trustedProxiesOf({ server }: ResolvedConfig): readonly AddressRange[] {
  return server.trustedProxies.map(parseAddressRange).filter((range) => range !== undefined);
}

function pricesOf(logger: Logger): Lasting["prices"] {
  const table = createPriceTable({ onProblem: (error) => logger.warn(`No prices are known: ${errorText(error)}`) });
  return { table, refresh: createPriceRefresh({ table, fetchText, log: logger }) };
}

function reserveOf(budgets: Budgets, coordination: Coordination | undefined): ReserveMoney {
  return coordination?.reserve(budgets) ?? ((owners, estimate) => budgets.reserve(owners, estimate));
}

export interface LastingOptions {
  config: ResolvedConfig;
  logger: Logger;
  idleSeconds: number;
  isDraining: () => boolean;
  /** The configuration as it is served; `undefined` = it stays as it is. */
  live?: LiveConfig | undefined;
  /** What a worker has in the place of its own; `undefined` = this is no worker. */
  parent?: ParentParts | undefined;
}

/** Opens log files and the database. Throws an Error with a message for people when one cannot be had. */
export function createLasting({ config, logger, idleSeconds, isDraining, live, parent }: LastingOptions): Lasting {
  let served: Generation | undefined;
  const secrets = secretBoxOf(config, logger);
  let trustedProxies = trustedProxiesOf(config);
  const database = storeOf(config, logger);
  const sinks = parent === undefined ? sinksOf(config, { logger, store: database }) : [parent.sink];
  const keepsWords = config.logging.content !== "none";
  const coordination = createCoordination({
    config,
    logger,
    parent: parent?.coordinator,
    onDecision: ({ name, outcome, milliseconds }) => metrics.decided(name, outcome, milliseconds / 1000),
  });
  const health = createHealthRegistry({
    settings: config,
    keepsWords,
    ...createHealthLog(logger),
    onChange: coordination && ((change) => coordination.health.tell(change)),
  });
  coordination?.health.follow(health);
  const limiter = coordination?.limiter(queueOf(config)) ?? createLimiter({ queue: queueOf(config) });
  const overload = createOverload(overloadOf(config, parent));
  // The database has them too, but for those of the last moment.
  const ring = createRequestRing({
    ...(database === undefined ? {} : { capacity: 256 }),
    // One character less: half a pair of surrogates is left out.
    cutAt: textLimitOf(config.logging.content) - 1,
  });
  const ownMetrics = createMetrics({
    isKnownModel: (model) => served?.isKnownModel(model) === true,
    queueDepth: () => records.depth(),
    sinks: sinks.map(({ name }) => name),
    providerHealth: () => health.views(),
    queueWaiting: () => limiter.waiting(),
    databaseIsUp: database && (() => database.isUp()),
    coordination: coordination && (() => ({ ...coordination.coordinator.state(), replicas: coordination.replicas() })),
  });
  const metrics = parent === undefined ? ownMetrics : { ...ownMetrics, text: () => parent.metricsText() };
  const complaints = createSinkComplaints(logger);
  const records = createRecordWriter({
    sinks: sinks.map((sink) => complaints.follow(sink)),
    onDrop: (sink, count) => metrics.queueDropped(sink, count),
    onError: (sink, error) => complaints.failed(sink, error),
  });
  const prices = pricesOf(logger);
  const store = responseStoreOf(config, {
    logger,
    store: database,
    coordinator: coordination?.isRemote === true ? coordination.coordinator : undefined,
    inMemory: parent?.responseStore,
  });
  // One of several workers is enough, and one that has nothing else to do.
  const removeExpired = (): Promise<number> => identity.sessions.removeExpired();
  const retention =
    parent === undefined && database ? retentionOf(config, { logger, store: database, removeExpired }) : undefined;
  function onChange(change: DocumentChange): void {
    identity.apply(change);
    configuration?.apply(change);
  }
  const shared = database && (coordination?.announced(database) ?? database);
  // A file is this gateway's own, and its workers read what their parent wrote.
  const isAlone = parent === undefined && !isOnServer(config);
  const raiseTogether = coordination?.raiseBudgets;
  const heardMs = isAlone && config.server.workers === 1 ? 0 : undefined;
  const ofKeys = { log: logger, onChange, raiseTogether, isAlone, heardMs };
  const virtualKeys = shared && createVirtualKeys({ store: shared, ...ofKeys });
  const settings = () => (served?.config ?? config).admin;
  const identity = identityOf({
    settings,
    database: shared,
    virtualKeys,
    secrets,
    coordinator: coordination?.coordinator,
    isWorker: parent !== undefined,
    logger,
  });
  const kept = virtualKeys &&
    shared && { ...virtualKeys.admin, documents: shared.documents, look: () => virtualKeys.look() };
  const configuration = live && createConfiguration({ live, box: secrets, store: kept, log: logger });
  void virtualKeys?.ready.then(() => {
    if (!virtualKeys.state().isLoaded) return undefined;
    configuration?.loaded();
    return identity.prepare();
  });
  if (virtualKeys !== undefined) coordination?.followDocuments(() => virtualKeys.look());
  const hasManyKeys = (): boolean =>
    (served?.config ?? config).keys.inbound.length > 1 || (virtualKeys?.book.size ?? 0) > 0;

  function keep(record: RequestRecord): void {
    // First: it lets go of the bodies that kept texts were cut out of.
    if (parent === undefined) ring.add(record);
    records.push(record);
  }

  return {
    config,
    logger,
    metrics,
    configStatus: createConfigStatus({ metrics, further: parent?.notices }),
    records,
    responses: createStoredResponses(store, { hasManyKeys, others: coordination?.coordinator }),
    responseStore: store,
    memory: createReasoningMemory(),
    database,
    virtualKeys,
    reserve: virtualKeys && reserveOf(virtualKeys.budgets, coordination),
    coordination,
    prices,
    configuration,
    secrets,
    identity,
    health,
    limiter,
    overload,
    load: { requests: 0 },
    affinity: coordination?.affinity ?? createAffinityMemory(),
    requests: {
      ring: parent?.recent ?? ring,
      stored: database && ((id) => database.requests.find(id)),
      store: database?.requests,
    },
    finished(record) {
      const isNamed = record.modelServed !== undefined || record.modelAsked === "";
      if (!isNamed && served?.isKnownModel(record.modelAsked) !== true) record.isInvented = true;
      packTrail(record);
      keep(record);
      metrics.requestFinished(record);
    },
    keep,
    connections: createConnections(idleSeconds, () => trustedProxies),
    onRefusal: createRefusalLog({
      write: (line) => logger.info(line),
      after: (milliseconds, ring) => alarms.set(milliseconds, ring),
    }),
    isDraining,
    ready: () => becomeReady({ database, virtualKeys, coordination }),
    follow(generation) {
      served = generation;
      trustedProxies = trustedProxiesOf(generation.config);
      health.configure(generation.config);
      limiter.configure(queueOf(generation.config), generation.scopes());
      overload.configure(overloadOf(generation.config, parent));
      overload.start();
      prices.refresh.follow(generation.config.prices.refresh);
      virtualKeys?.start();
      retention?.start();
    },
    async close() {
      overload.stop();
      prices.refresh.stop();
      retention?.stop();
      // Before the records: with them the database is closed.
      await Promise.all([virtualKeys?.close(), store?.close()]);
      await records.close();
      await coordination?.close();
      // A worker's sink is its parent: that does not close the database.
      if (parent !== undefined) await database?.close();
    },
  };
}

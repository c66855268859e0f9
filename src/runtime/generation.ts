import { isUsable, type ResolvedConfig } from "../config/resolve.ts";
import { createGateway, type Gateway } from "../gateway/handle.ts";
import { createKeyAdmission } from "../gateway/key-admission.ts";
import { createRequestScopes } from "../gateway/request-scopes.ts";
import type { AnswerTokensAt } from "../gateway/request-estimate.ts";
import type { RoutingStep } from "../gateway/routing.ts";
import type { Translation } from "../gateway/translation.ts";
import { createAccess } from "../http/access.ts";
import { createApp, type App } from "../http/app.ts";
import { createCors, type Cors } from "../http/cors.ts";
import type { Readiness } from "../http/route-parts.ts";
import { createKeyRing } from "../keys/key-ring.ts";
import { errorText } from "../lib/error-text.ts";
import type { LimitSet, Scope } from "../limits/limiter.ts";
import { configuredTargets } from "../prices/configured-targets.ts";
import { createPriceBook, type PriceBook } from "../prices/price-book.ts";
import { type PriceReport, priceReport } from "../prices/price-report.ts";
import type { Target } from "../routing/target.ts";
import { unaskedMaxTokens } from "../protocols/anthropic-messages/encode-thinking.ts";
import { traitsOf } from "../protocols/canonical/traits-of.ts";
import { createCatalog, type Catalog } from "../routing/catalog.ts";
import { createProbes } from "../routing/health/probes.ts";
import { listModels } from "../routing/offered-models.ts";
import { createPlanner } from "../routing/plan.ts";
import { createRouteTable } from "../routing/route-table.ts";
import type { RouteTable } from "../routing/route.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { tailFile } from "../telemetry/tail.ts";
import { databaseNotices } from "./database-notices.ts";
import type { Lasting } from "./lasting.ts";
import { lossNotices } from "./loss-notices.ts";
import { textLimitOf } from "./text-limit.ts";

/** Everything that is made from one configuration. A changed one makes another; requests stay with the one they began in. */
export interface Generation {
  readonly config: ResolvedConfig;
  readonly app: App;
  readonly gateway: Gateway;
  readonly cors: Cors;
  isKnownModel(model: string): boolean;
  /** Everything that is limited by itself, those without limits among them. */
  scopes(): Scope[];
  /** It serves from now on. */
  start(): void;
  /** It gets no further requests; those it has go on. What it does by itself ends here. */
  retire(): void;
}

function readinessOf({ providers, keys }: ResolvedConfig, lasting: Lasting): Readiness {
  const reasons: string[] = [];
  if (lasting.virtualKeys?.book.isLoaded === false) {
    reasons.push("The keys are not loaded yet: the database does not answer.");
  }
  if (lasting.isDraining()) reasons.push("The gateway is shutting down.");
  const usable = Object.values(providers).some(isUsable);
  if (!usable) reasons.push("No enabled provider has a credential.");
  return { isReady: reasons.length === 0, reasons, notices: noticesOf(lasting, keys) };
}

function noticesOf(lasting: Lasting, keys: ResolvedConfig["keys"]): string[] {
  const { configStatus, coordination, configuration, database, virtualKeys } = lasting;
  const notices = [configStatus, coordination, configuration].flatMap((part) => part?.notices() ?? []);
  // A worker's parent may have met the same.
  return [...new Set([...notices, ...databaseNotices(database), ...lossNotices(virtualKeys?.book, keys)])];
}

function translationOf({ server }: ResolvedConfig, catalog: Catalog, { memory, responses }: Lasting): Translation {
  return {
    memory,
    responses,
    isStrict: server.strict,
    traitsOf({ upstream, model }) {
      const facts = catalog.find(upstream, model);
      return traitsOf({ model, provider: upstream.config.type, facts });
    },
  };
}

/** What a configuration is made into, each once. */
interface Made {
  readonly config: ResolvedConfig;
  readonly table: RouteTable;
  readonly catalog: Catalog;
  readonly priceBook: PriceBook;
}

/** Whoever waits for a place must hear of limits that were changed or taken away. */
function scopesOf({ providers, models, limits }: ResolvedConfig): Scope[] {
  const ofProviders = Object.entries(providers).map(([id, own]): Scope => ({
    kind: "provider",
    id,
    limits: limitSet(own),
  }));
  const ofModels = Object.entries(models).map(([id, own]): Scope => ({ kind: "model", id, limits: limitSet(own) }));
  return [{ kind: "total", id: "", limits: limits.total }, ...ofProviders, ...ofModels];
}

function limitSet({ rpm, tpm, concurrency }: LimitSet): LimitSet {
  return { rpm, tpm, concurrency };
}

function countStep(step: RoutingStep, metrics: Metrics): void {
  switch (step.kind) {
    case "retry":
      metrics.retry(step.provider);
      return;
    case "failover":
      metrics.failover(step.provider);
      return;
    case "hedge":
      metrics.hedge(step.outcome);
      return;
    case "limit":
      metrics.limitRefused(step.scope, step.by);
      return;
    case "shed":
      metrics.shed(step.reason);
  }
}

function answerTokensOf({ config, catalog }: Made, translation: Translation): AnswerTokensAt {
  return (target, isWritten) =>
    isWritten
      ? unaskedMaxTokens(translation.traitsOf(target))
      : (catalog.find(target.upstream, target.model)?.maxOutputTokens ?? config.budgets.answerTokens);
}

function gatewayOf(made: Made, lasting: Lasting): Gateway {
  const { config, table, catalog, priceBook } = made;
  const { server, logging, failover, affinity, limits } = config;
  const { logger, metrics, limiter, health, overload } = lasting;
  const priceOf = (target: Target, served?: string) => priceBook.priceOf(target, served);
  const translation = translationOf(config, catalog, lasting);
  return createGateway({
    table,
    health,
    overload,
    load: lasting.load,
    scopes: createRequestScopes(limits),
    admitKey:
      lasting.reserve &&
      createKeyAdmission({
        budgets: { reserve: lasting.reserve },
        priceOf,
        answerTokensAt: answerTokensOf(made, translation),
        unknownPrice: config.budgets.unknownPrice,
        onRefusal: (owner) => metrics.limitRefused(owner, "budget"),
      }),
    routing: {
      planner: createPlanner({
        affinity: { memory: lasting.affinity, ttlMs: affinity.ttl },
        findFacts: (upstream, model) => catalog.find(upstream, model),
        priceOf,
      }),
      limiter,
      priceOf,
      longestWaitMs: failover.longestWait,
      triesEmptyAnswers: failover.emptyAnswers,
      showsRouting: server.routingHeaders,
      onStep: (step) => countStep(step, metrics),
    },
    translation,
    textLimit: textLimitOf(logging.content),
    heartbeatMs: server.heartbeat,
    maxJsonDepth: server.maxJsonDepth,
    responseModel: server.responseModel,
    retryAfterSeconds: server.retryAfter / 1000,
    onStart: () => metrics.requestStarted(),
    onAttempt: (target, outcome) => metrics.attempt(target.upstream.name, outcome === "ok" ? "ok" : outcome.code),
    onDropped: ({ client, upstream, count }) => metrics.fieldsDropped(client, upstream, count),
    onFinish: (record) => lasting.finished(record),
    onBug: (error, requestId) => logger.error(`Request ${requestId} met a bug`, error),
  });
}

function pricesOf(config: ResolvedConfig, book: PriceBook, { prices }: Lasting): PriceReport {
  const { table, refresh } = prices;
  return priceReport({ targets: configuredTargets(config), book, table, refresh: refresh.state() });
}

function appOf({ config, table, catalog, priceBook }: Made, gateway: Gateway, lasting: Lasting): App {
  const { server, keys, admin, logging } = config;
  const { logger, metrics, connections } = lasting;
  const access = createAccess({
    anonymous: server.anonymous,
    cors: server.cors,
    overrides: keys.overrides,
    keyHeader: keys.header,
    inboundKeys: createKeyRing(keys.inbound),
    virtualKeys: lasting.virtualKeys?.book,
    reopen: keys.reopen,
    adminKeys: createKeyRing(admin.token === undefined ? [] : [admin.token]),
    identity: lasting.identity,
    connections,
  });
  return createApp(
    {
      server,
      gateway,
      access,
      connections,
      metrics,
      models: () => listModels(table, { catalog, priceOf: (target) => priceBook.priceOf(target) }),
      providerHealth: () => lasting.health.views(),
      prices: () => pricesOf(config, priceBook, lasting),
      requests: lasting.requests,
      admin: lasting.virtualKeys?.admin,
      configuration: lasting.configuration,
      identity: lasting.identity,
      readiness: () => readinessOf(config, lasting),
      onRefusal: (refusal) => lasting.onRefusal(refusal),
      tail: logging.file === "" ? undefined : (options) => tailFile({ file: logging.file, ...options }),
    },
    (error) => logger.error("A request met a bug", error),
  );
}

/** Makes what serves a configuration; nothing is started yet. Throws where a file it names cannot be read. */
export function createGeneration(config: ResolvedConfig, lasting: Lasting): Generation {
  const { logger } = lasting;
  let catalog: Catalog | undefined;
  const table = createRouteTable({
    config,
    health: lasting.health,
    catalog: { find: (upstream, model) => catalog?.find(upstream, model) },
  });
  catalog = createCatalog({
    upstreams: table.upstreams,
    onProblem: (upstream, error) => logger.debug(`The models of ${upstream} cannot be listed: ${errorText(error)}`),
  });
  const priceBook = createPriceBook({
    config: config.prices,
    table: lasting.prices.table,
    findListed: ({ upstream, model }) => catalog?.find(upstream, model)?.pricing,
  });
  const made = { config, table, catalog, priceBook };
  const probes = createProbes({ upstreams: table.upstreams, health: lasting.health, settings: config.health });
  const gateway = gatewayOf(made, lasting);
  return {
    config,
    app: appOf(made, gateway, lasting),
    gateway,
    cors: createCors(config.server.cors),
    isKnownModel: (model) =>
      table.aliases.has(model) || table.upstreams.some((upstream) => made.catalog.find(upstream, model) !== undefined),
    scopes: () => scopesOf(config),
    start() {
      void made.catalog.refresh();
      probes.start();
    },
    retire: () => probes.stop(),
  };
}

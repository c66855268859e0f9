import { readFileSync } from "node:fs";
import type { Server } from "bun";
import type { ResolvedConfig } from "../config/resolve.ts";
import { draining } from "../http/errors.ts";
import { createListener } from "../http/listener.ts";
import { setupUrl } from "./setup-url.ts";
import { createMetricsListener } from "../http/metrics-listener.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { MetricSnapshot } from "../telemetry/metrics-of-workers.ts";
import { compose, type House } from "./compose.ts";
import { type ConfigSource, createLiveConfig } from "./live-config.ts";
import type { Reload } from "./reload.ts";
import { explainListenFailure } from "./listen-failure.ts";
import type { ParentParts } from "./workers/parent-parts.ts";

export interface RunningServer {
  /** `http://host:port` as a client on this machine would write it. */
  url: string;
  /** `undefined` when there is no metrics listener. */
  metricsUrl: string | undefined;
  /**
   * Stops: not ready at once, new connections refused after the drain delay, running requests given the drain time.
   * Resolves when everything is written; `false` when requests had to be cut.
   */
  drain(): Promise<boolean>;
  /** Cuts what still runs; `drain` resolves soon after. */
  cut(): void;
  /** Reads the configuration again and serves it, running requests go on with theirs. */
  readonly reload: Reload;
  /** A link that makes the first admin, once it is known that there is none. `undefined` = there is one, or no such way. */
  setupUrl(): Promise<string | undefined>;
  /** How many keys the admin API has issued, as far as it is known. */
  issuedKeys(): number;
  /** Whether there was ever one, as far as it is known. */
  keysWereIssued(): boolean;
  /** Whether the database has been read, so that its keys are known. `true` where there is none. */
  keysAreKnown(): boolean;
  /** What it has counted. */
  snapshot(): Promise<MetricSnapshot>;
  /** For those who watch it: the configuration was read again; `refused` = why it is not used. */
  configRead(refused: string | undefined): void;
}

/** Heart-beats come every 15 s by default; a connection silent for longer than this is dead or hostile. */
const idleSeconds = 60;
/** For error events and last bytes to reach their clients. */
const flushMs = 500;

/** A server's address as a client on this machine would write it. */
export function urlOf({ port }: { port: number | undefined }, hostname: string, scheme: string): string {
  const near: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };
  const host = near[hostname] ?? (hostname.includes(":") ? `[${hostname}]` : hostname);
  return `${scheme}://${host}:${port}`;
}

/** `undefined` = it is switched off, or its port cannot be had, which the log then says. */
export function listenForMetrics(
  { metricsHost, metricsPort }: ResolvedConfig["server"],
  { metrics, logger }: { metrics: Pick<Metrics, "text" | "contentType">; logger: Logger },
): Server<undefined> | undefined {
  if (metricsPort === 0) return undefined;
  try {
    return createMetricsListener({ hostname: metricsHost, port: metricsPort, metrics });
  } catch (error) {
    // The same numbers are at /metrics of the API: no reason not to serve.
    logger.warn(
      explainListenFailure(error, {
        host: metricsHost,
        port: metricsPort,
        setting: "OR_METRICS_PORT / --metrics-port",
        what: "metrics",
      }),
    );
    return undefined;
  }
}

/** For people: why the API's port cannot be listened on. */
export function apiListenFailure(cause: unknown, place: { host: string; port: number }): Error {
  return new Error(explainListenFailure(cause, { ...place, setting: "OR_PORT / --port", what: "API" }), { cause });
}

interface Door {
  isClosed: () => boolean;
  isShared: boolean;
}

function listen(
  house: House,
  { host, port, tls }: ResolvedConfig["server"],
  { isClosed, isShared }: Door,
): Server<undefined> {
  try {
    return createListener({
      hostname: host,
      port,
      tls: tls && { cert: readFileSync(tls.cert, "utf8"), key: readFileSync(tls.key, "utf8") },
      idleSeconds,
      isShared,
      app: house.app,
      connections: house.lasting.connections,
      cors: house.cors,
      isClosed,
    });
  } catch (error) {
    void house.lasting.close();
    throw apiListenFailure(error, { host, port });
  }
}

async function ready({ lasting }: House): Promise<void> {
  try {
    await lasting.ready();
  } catch (error) {
    await lasting.close();
    throw error;
  }
}

export interface ServerOptions {
  config: ResolvedConfig;
  logger: Logger;
  /** Where the configuration can be read again. */
  source: ConfigSource;
  /** What makes it a worker: it shares its port, once its parent lets it have it. */
  worker?: { readonly parent: ParentParts; mayListen(): Promise<void> } | undefined;
}

/** Starts to serve. Rejects with an Error with a message for people when the port or the database cannot be had. */
export async function startServer({ config, logger, source, worker }: ServerOptions): Promise<RunningServer> {
  let phase: "serving" | "draining" | "closed" = "serving";
  const isDraining = (): boolean => phase !== "serving";
  const live = createLiveConfig({
    source,
    logger,
    apply: (changed) => house.swap(changed),
    // A worker is told by its parent, once for all.
    onRead: (refused) => worker === undefined && house.lasting.configStatus.read(refused),
  });
  const house = compose({ config, logger, idleSeconds, isDraining, live, parent: worker?.parent });
  // What the database changes of the configuration is served by a generation after this one.
  house.start();
  await ready(house);
  await worker?.mayListen();
  const server = listen(house, config.server, { isClosed: () => phase === "closed", isShared: worker !== undefined });
  const metricsServer = listenForMetrics(config.server, house.lasting);

  let endDelay: (() => void) | undefined;
  let ending: Promise<boolean> | undefined;
  let wasCut = false;
  const { promise: hasBeenCut, resolve: afterCut } = Promise.withResolvers<void>();

  function cut(): void {
    endDelay?.();
    if (house.active() > 0 || server.pendingRequests > 0) wasCut = true;
    house.stop(draining());
    setTimeout(afterCut, flushMs);
  }

  async function drain(): Promise<boolean> {
    const { drain: drainMs, drainDelay } = house.config().server;
    phase = "draining";
    if (drainDelay > 0) {
      await new Promise<void>((resolve) => {
        endDelay = resolve;
        setTimeout(resolve, drainDelay).unref();
      });
    }
    phase = "closed";
    const stopped = server.stop();
    const cutTimer = setTimeout(cut, drainMs);
    await Promise.race([stopped, lastRequest(), hasBeenCut]);
    clearTimeout(cutTimer);
    await server.stop(true);
    await metricsServer?.stop(true);
    await house.lasting.close();
    return !wasCut;
  }

  async function lastRequest(): Promise<void> {
    // Uploads that still arrive are not the gateway's yet, but the server's already.
    while (house.active() > 0 || server.pendingRequests > 0) await Bun.sleep(20);
    // Their last bytes need time to leave; idle connections may stay open.
    await Bun.sleep(flushMs);
  }

  const url = urlOf(server, config.server.host, config.server.tls === undefined ? "http" : "https");

  return {
    setupUrl: () => (phase === "serving" ? setupUrl(house.lasting, url) : Promise.resolve(undefined)),
    url,
    metricsUrl: metricsServer && `${urlOf(metricsServer, config.server.metricsHost, "http")}/metrics`,
    cut,
    drain: () => (ending ??= drain()),
    reload: live.reload,
    configRead: (refused) => house.lasting.configStatus.read(refused),
    issuedKeys: () => house.lasting.virtualKeys?.book.size ?? 0,
    keysWereIssued: () => house.lasting.virtualKeys?.book.wereIssued ?? false,
    keysAreKnown: () => house.lasting.virtualKeys?.book.isLoaded ?? true,
    snapshot: () => house.lasting.metrics.snapshot(),
  };
}

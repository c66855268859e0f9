import { readFileSync } from "node:fs";
import type { Server } from "bun";
import type { ResolvedConfig } from "../config/resolve.ts";
import { draining } from "../http/errors.ts";
import { createListener } from "../http/listener.ts";
import { createMetricsListener } from "../http/metrics-listener.ts";
import type { Logger } from "../telemetry/logger.ts";
import { compose } from "./compose.ts";
import { explainListenFailure } from "./listen-failure.ts";

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
}

/** Heart-beats come every 15 s by default; a connection silent for longer than this is dead or hostile. */
const idleSeconds = 60;
/** For error events and last bytes to reach their clients. */
const flushMs = 500;

function urlOf(server: Server<undefined>, hostname: string, scheme: string): string {
  const near: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };
  const host = near[hostname] ?? (hostname.includes(":") ? `[${hostname}]` : hostname);
  return `${scheme}://${host}:${server.port}`;
}

function listenForMetrics(
  config: ResolvedConfig,
  parts: ReturnType<typeof compose>,
  logger: Logger,
): Server<undefined> | undefined {
  const { metricsHost, metricsPort } = config.server;
  if (metricsPort === 0) return undefined;
  try {
    return createMetricsListener({ hostname: metricsHost, port: metricsPort, metrics: parts.metrics });
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

/** Starts to serve. Throws an Error with a message for people when the port cannot be had. */
export function startServer(config: ResolvedConfig, logger: Logger): RunningServer {
  const { host, port, tls, drain: drainMs, drainDelay } = config.server;
  let phase: "serving" | "draining" | "closed" = "serving";
  const parts = compose({ config, logger, idleSeconds, isDraining: () => phase !== "serving" });
  const { app, connections, cors, gateway, records } = parts;
  let server: Server<undefined>;
  try {
    server = createListener({
      hostname: host,
      port,
      tls: tls && { cert: readFileSync(tls.cert, "utf8"), key: readFileSync(tls.key, "utf8") },
      idleSeconds,
      app,
      connections,
      cors,
      isClosed: () => phase === "closed",
    });
  } catch (error) {
    void records.close();
    throw new Error(explainListenFailure(error, { host, port, setting: "OR_PORT / --port", what: "API" }), {
      cause: error,
    });
  }
  const metricsServer = listenForMetrics(config, parts, logger);
  void parts.catalog.refresh();

  let endDelay: (() => void) | undefined;
  let ending: Promise<boolean> | undefined;
  let wasCut = false;
  const { promise: hasBeenCut, resolve: afterCut } = Promise.withResolvers<void>();

  function cut(): void {
    endDelay?.();
    if (gateway.active() > 0 || server.pendingRequests > 0) wasCut = true;
    gateway.stop(draining());
    setTimeout(afterCut, flushMs);
  }

  async function drain(): Promise<boolean> {
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
    await records.close();
    parts.responses?.close();
    return !wasCut;
  }

  async function lastRequest(): Promise<void> {
    // Uploads that still arrive are not the gateway's yet, but the server's already.
    while (gateway.active() > 0 || server.pendingRequests > 0) await Bun.sleep(20);
    // Their last bytes need time to leave; idle connections may stay open.
    await Bun.sleep(flushMs);
  }

  return {
    url: urlOf(server, host, tls === undefined ? "http" : "https"),
    metricsUrl: metricsServer && `${urlOf(metricsServer, config.server.metricsHost, "http")}/metrics`,
    cut,
    drain: () => (ending ??= drain()),
  };
}

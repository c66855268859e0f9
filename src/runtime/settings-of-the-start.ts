import type { ResolvedConfig } from "../config/resolve.ts";

/** Settings that take effect at the next start: addresses that are listened on or connected to, files that are open. */
const pattern =
  /^(?:server\.(?:host|port|tls|metricsHost|metricsPort|workers)|logging|storage|redis|responses)(?:[.[]|$)/;

export function needsRestart(path: string): boolean {
  return pattern.test(path);
}

/** A configuration as a process that was started with `start` can serve it. */
export function withSettingsOfTheStart(config: ResolvedConfig, start: ResolvedConfig): ResolvedConfig {
  const { logging, storage, redis, responses } = start;
  const { host, port, tls, metricsHost, metricsPort, workers } = start.server;
  return {
    ...config,
    logging,
    storage,
    redis,
    responses,
    server: { ...config.server, host, port, tls, metricsHost, metricsPort, workers },
  };
}

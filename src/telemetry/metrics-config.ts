import { Counter, Gauge, type Registry } from "prom-client";

export type ConfigOutcome = "ok" | "refused";

export interface ConfigMetrics {
  /** A changed configuration was read while serving. */
  configRead(outcome: ConfigOutcome): void;
}

export function createConfigMetrics(registry: Registry): ConfigMetrics {
  const registers = [registry];
  const reloads = new Counter({
    name: "orcestator_config_reloads_total",
    help: "Changed configurations that were taken over, or refused",
    labelNames: ["outcome"],
    registers,
  });
  const isCurrent = new Gauge({
    name: "orcestator_config_is_current",
    help: "1 = the configuration on disk is the one that is served, 0 = it is refused and the last good one is served",
    registers,
  });
  // From 0 on, so that a rate over the first one is seen.
  for (const outcome of ["ok", "refused"]) reloads.inc({ outcome }, 0);
  isCurrent.set(1);
  return {
    configRead(outcome) {
      reloads.inc({ outcome });
      isCurrent.set(outcome === "ok" ? 1 : 0);
    },
  };
}

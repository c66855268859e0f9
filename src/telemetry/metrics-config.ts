import type { Registry } from "prom-client";
import { counter, gauge } from "./metrics-instruments.ts";

export type ConfigOutcome = "ok" | "refused";

export interface ConfigMetrics {
  /** A changed configuration was read while serving. */
  configRead(outcome: ConfigOutcome): void;
}

export function createConfigMetrics(registry: Registry): ConfigMetrics {
  let isCurrent = true;
  const reloads = counter(registry, {
    name: "orcestator_config_reloads_total",
    help: "Changed configurations that were taken over, or refused",
    labelNames: ["outcome"],
    fromZero: ["ok", "refused"],
    // Every worker and their parent tell of the same one.
    aggregator: "max",
  });
  gauge(registry, {
    name: "orcestator_config_is_current",
    help: "1 = the configuration on disk is the one that is served, 0 = it is refused and the last good one is served",
    read: () => (isCurrent ? 1 : 0),
    aggregator: "min",
  });
  return {
    configRead(outcome) {
      reloads.inc({ outcome });
      isCurrent = outcome === "ok";
    },
  };
}

import { Gauge, type Registry } from "prom-client";
import { counter, gauge } from "./metrics-instruments.ts";

/** What happens on the way to an upstream besides plain attempts. */
export interface RoutingMetrics {
  /** A request turned to another target, or another credential. */
  failover(provider: string): void;
  /** The same target was asked once more. */
  retry(provider: string): void;
  /** A second target was asked as well; `won` = its answer was the one. */
  hedge(outcome: "won" | "lost" | "failed"): void;
  /** A request was turned away because the process has more to do than it may. */
  shed(reason: string): void;
  /** A limit of the gateway's own was in the way: of what (`provider`, `key` …), and which (`rpm`, `queue` …). */
  limitRefused(scope: string, by: string): void;
}

/** One provider, as far as its gauges go. */
interface ProviderState {
  readonly provider: string;
  readonly targets: readonly { readonly circuit: string }[];
  readonly credentials: readonly { readonly disabled: unknown }[];
}

export interface RoutingMetricsOptions {
  /** Asked at every scrape. */
  providerHealth?: (() => readonly ProviderState[]) | undefined;
  /** Requests that wait for a place now. */
  queueWaiting?: (() => number) | undefined;
}

interface ProviderGauge {
  name: string;
  help: string;
  count: (state: ProviderState) => number;
}

/** A provider that is no longer there keeps no number. */
function providerGauge(
  registry: Registry,
  { name, help, count }: ProviderGauge,
  states: () => readonly ProviderState[],
): void {
  const metric = new Gauge({
    name,
    help,
    labelNames: ["provider"],
    // Workers look at the same targets and credentials.
    aggregator: "max",
    registers: [],
    collect() {
      this.reset();
      for (const state of states()) this.set({ provider: state.provider }, count(state));
    },
  });
  registry.registerMetric(metric);
}

function registerGauges(registry: Registry, { providerHealth, queueWaiting }: RoutingMetricsOptions): void {
  if (providerHealth !== undefined) {
    const openCircuits: ProviderGauge = {
      name: "orcestator_open_circuits",
      help: "Targets that fail and are left alone for now",
      count: ({ targets }) => targets.filter(({ circuit }) => circuit === "open").length,
    };
    const disabledCredentials: ProviderGauge = {
      name: "orcestator_credentials_disabled",
      help: "Credentials that their upstream refuses",
      count: ({ credentials }) => credentials.filter(({ disabled }) => disabled !== undefined).length,
    };
    for (const gauge of [openCircuits, disabledCredentials]) providerGauge(registry, gauge, providerHealth);
  }
  if (queueWaiting === undefined) return;
  gauge(registry, {
    name: "orcestator_queue_waiting",
    help: "Requests that wait for a place",
    read: queueWaiting,
  });
}

/** Registers what routing, health and limits count. Labels are configured names and fixed words: no client can make series. */
export function createRoutingMetrics(registry: Registry, options: RoutingMetricsOptions): RoutingMetrics {
  registerGauges(registry, options);
  const failovers = counter(registry, {
    name: "orcestator_failovers_total",
    help: "Turns to another target or credential",
    labelNames: ["provider"],
  });
  const retries = counter(registry, {
    name: "orcestator_retries_total",
    help: "Repeats on the same target",
    labelNames: ["provider"],
  });
  const hedges = counter(registry, {
    name: "orcestator_hedges_total",
    help: "Requests for which a second target was asked as well",
    labelNames: ["outcome"],
    fromZero: ["won", "lost", "failed"],
  });
  const shed = counter(registry, {
    name: "orcestator_requests_shed_total",
    help: "Requests turned away because the process had too much to do",
    labelNames: ["reason"],
  });
  const refusals = counter(registry, {
    name: "orcestator_limit_refusals_total",
    help: "Times that a limit of the gateway's own was in the way",
    labelNames: ["scope", "by"],
  });
  return {
    failover: (provider) => failovers.inc({ provider }),
    retry: (provider) => retries.inc({ provider }),
    hedge: (outcome) => hedges.inc({ outcome }),
    shed: (reason) => shed.inc({ reason }),
    limitRefused: (scope, by) => refusals.inc({ scope, by }),
  };
}

import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface CoordinationMetrics {
  /** Something was decided together with other gateways, or could not be. */
  decided(decision: string, outcome: "made" | "failed", seconds: number): void;
}

interface CoordinationState {
  readonly isUp: boolean;
  readonly replicas: number;
}

export interface CoordinationMetricsOptions {
  /** Asked at every scrape; `undefined` = this gateway is by itself. */
  coordination?: (() => CoordinationState) | undefined;
}

/** A decision takes a fraction of a millisecond; one that fails takes the timeout. */
const buckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 1];

/** Registers what gateways decide together. A gateway by itself has none of it. */
export function createCoordinationMetrics(
  registry: Registry,
  { coordination }: CoordinationMetricsOptions,
): CoordinationMetrics {
  if (coordination === undefined) return { decided: () => undefined };
  const gauge = (name: string, help: string, read: (state: CoordinationState) => number): void => {
    const metric = new Gauge({
      name,
      help,
      // Workers look at the same others.
      aggregator: "min",
      registers: [],
      collect() {
        this.set(read(coordination()));
      },
    });
    registry.registerMetric(metric);
  };
  gauge(
    "orcestator_coordination_up",
    "1 = limits are counted together with other gateways, 0 = they cannot be",
    (state) => (state.isUp ? 1 : 0),
  );
  gauge("orcestator_coordination_replicas", "Gateways that count together, this one too", ({ replicas }) => replicas);
  const registers = [registry];
  const decisions = new Counter({
    name: "orcestator_coordination_decisions_total",
    help: "Decisions made together with other gateways, or not made for want of an answer",
    labelNames: ["decision", "outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "orcestator_coordination_decision_seconds",
    help: "How long decisions took",
    labelNames: ["decision"],
    buckets,
    registers,
  });
  return {
    decided(decision, outcome, seconds) {
      decisions.inc({ decision, outcome });
      duration.observe({ decision }, seconds);
    },
  };
}

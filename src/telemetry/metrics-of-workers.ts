import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";

/** What a registry holds, as plain data. */
export type MetricSnapshot = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** The numbers of several processes, shown as those of one. */
export interface WorkerMetrics {
  /** A worker died and another one takes its place. */
  restarted(): void;
  /** What a worker that is gone has counted stays: a counter never falls. */
  keep(last: MetricSnapshot): Promise<void>;
  /** Prometheus text of these and of all that are gone: counters add up, gauges as each of them says. */
  text(snapshots: readonly MetricSnapshot[]): Promise<string>;
}

/** Counts only: what was in use is not in use any more. */
function countsOf(snapshot: MetricSnapshot): MetricSnapshot {
  return snapshot.filter(({ type }) => ["counter", "histogram"].includes(String(type)));
}

export function createWorkerMetrics({ serving }: { serving: () => number }): WorkerMetrics {
  const registry = new Registry();
  const restarts = new Counter({
    name: "orcestator_worker_restarts_total",
    help: "Workers that died and were replaced",
    registers: [registry],
  });
  const workers = new Gauge({
    name: "orcestator_workers",
    help: "Workers that serve",
    registers: [],
    collect() {
      this.set(serving());
    },
  });
  registry.registerMetric(workers);
  let departed: MetricSnapshot = [];

  return {
    restarted: () => restarts.inc(),
    async keep(last) {
      departed = await AggregatorRegistry.aggregate([departed, countsOf(last)]).getMetricsAsJSON();
    },
    async text(snapshots) {
      const own = await registry.getMetricsAsJSON();
      return AggregatorRegistry.aggregate([...snapshots, own, departed]).metrics();
    },
  };
}

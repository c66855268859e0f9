import { type Aggregator, Counter, Gauge, type Registry } from "prom-client";

interface Named {
  name: string;
  help: string;
  /** What one page of several processes says; default: their sum. */
  aggregator?: Aggregator;
}

interface CounterOptions<Label extends string> extends Named {
  labelNames: readonly Label[];
  /** Values of its one label that stand at 0 from the start, so that a rate over the first one is seen. */
  fromZero?: readonly string[];
}

export function counter<Label extends string>(
  registry: Registry,
  { name, help, labelNames, aggregator = "sum", fromZero = [] }: CounterOptions<Label>,
): Counter<Label> {
  const metric = new Counter({ name, help, labelNames, aggregator, registers: [registry] });
  for (const value of fromZero) metric.labels(value).inc(0);
  return metric;
}

/** A gauge that is read at every scrape. */
export function gauge(
  registry: Registry,
  { name, help, aggregator = "sum", read }: Named & { read: () => number },
): void {
  const metric = new Gauge({
    name,
    help,
    aggregator,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(metric);
}

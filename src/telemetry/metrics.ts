import { collectDefaultMetrics, Counter, type Metric, Registry } from "prom-client";
import type { MetricSnapshot } from "./metrics-of-workers.ts";
import { createConfigMetrics, type ConfigMetrics } from "./metrics-config.ts";
import {
  type CoordinationMetrics,
  type CoordinationMetricsOptions,
  createCoordinationMetrics,
} from "./metrics-coordination.ts";
import { counter, gauge } from "./metrics-instruments.ts";
import { createModelLabel } from "./model-label.ts";
import { createRoutingMetrics, type RoutingMetrics, type RoutingMetricsOptions } from "./metrics-routing.ts";
import { completionTokens, promptTokens, type RequestRecord } from "./request-record.ts";
import {
  addHistogram,
  histogramValues,
  newHistogram,
  newTally,
  observe,
  type HistogramTally,
  type Tally,
} from "./tallies.ts";

export interface Metrics extends RoutingMetrics, ConfigMetrics, CoordinationMetrics {
  requestStarted(): void;
  requestFinished(record: RequestRecord): void;
  /** A request refused before it reached the gateway: no key, too large, unknown path. */
  requestRefused(status: number): void;
  /** One request sent upstream; `outcome` is `ok` or an error code. */
  attempt(provider: string, outcome: string): void;
  /** Request fields that could not be carried from one protocol to another. */
  fieldsDropped(client: string, upstream: string, count: number): void;
  queueDropped(sink: string, count: number): void;
  /** Prometheus text of everything. */
  text(): Promise<string>;
  /** The same as plain data, to be put together with that of other processes. */
  snapshot(): Promise<MetricSnapshot>;
  readonly contentType: string;
}

export interface MetricsOptions extends RoutingMetricsOptions, CoordinationMetricsOptions {
  /** Names that get a label of their own; every other model is `other`, or one client could make a million series. */
  isKnownModel: (model: string) => boolean;
  queueDepth: () => number;
  /** `undefined` = there is no database. */
  databaseIsUp?: (() => boolean) | undefined;
  /** Names of the record sinks: their drop counters begin at 0, so that a rate over the first drop is seen. */
  sinks: readonly string[];
}

const latencyBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640] as const;
const overheadBuckets = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1] as const;

interface Sample {
  labels: Record<string, string | number>;
  value: number;
}

/** A counter whose numbers are kept elsewhere; prom-client asks for them at every scrape. */
function derivedCounter(
  registry: Registry,
  options: { name: string; help: string; labelNames?: readonly string[]; samples: () => Sample[] },
): void {
  const counter = new Counter({
    name: options.name,
    help: options.help,
    labelNames: options.labelNames ?? [],
    registers: [],
    collect() {
      this.reset();
      for (const { labels, value } of options.samples()) this.inc(labels, value);
    },
  });
  registry.registerMetric(counter);
}

/** As above for a histogram; prom-client's own cannot be given its buckets. It asks a metric for nothing but `get()`. */
function derivedHistogram(
  registry: Registry,
  options: {
    name: string;
    help: string;
    bounds: readonly number[];
    histograms: () => { labels: Record<string, string>; histogram: HistogramTally }[];
  },
): void {
  const { name, help, bounds, histograms } = options;
  const get = () =>
    Promise.resolve({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      values: histograms().flatMap(({ labels, histogram }) => histogramValues(name, labels, { histogram, bounds })),
    });
  registry.registerMetric({ name, get, reset: () => undefined } as unknown as Metric);
}

/** The metrics that count finished requests, by model and provider. */
function registerRequestMetrics(registry: Registry, tallies: () => Tally[]): void {
  const byModel = ["model", "provider"] as const;
  const each = (read: (tally: Tally) => number | undefined) => () =>
    tallies().flatMap((tally) => {
      const value = read(tally);
      return value === undefined ? [] : [{ labels: { ...tally.labels }, value }];
    });
  const byStatus = () =>
    tallies().flatMap(({ labels, byStatus: counts }) =>
      [...counts].map(([status, value]) => ({ labels: { ...labels, status }, value })),
    );
  const latency = () => tallies().map(({ labels, latency: histogram }) => ({ labels: { ...labels }, histogram }));
  const ttft = () => tallies().map(({ labels, ttft: histogram }) => ({ labels: { ...labels }, histogram }));
  const bounds = latencyBuckets;
  derivedCounter(registry, {
    name: "orcestator_requests_total",
    help: "Requests by what served them and how they ended",
    labelNames: [...byModel, "status"],
    samples: byStatus,
  });
  derivedCounter(registry, {
    name: "orcestator_prompt_tokens_total",
    help: "Input tokens, cached ones too",
    labelNames: byModel,
    samples: each((tally) => tally.promptTokens),
  });
  derivedCounter(registry, {
    name: "orcestator_completion_tokens_total",
    help: "Output tokens, reasoning too",
    labelNames: byModel,
    samples: each((tally) => tally.completionTokens),
  });
  derivedCounter(registry, {
    name: "orcestator_cost_usd_total",
    help: "US dollars, as the upstream reported them or as its price says; absent where no cost was known yet",
    labelNames: byModel,
    samples: each((tally) => tally.costUsd),
  });
  derivedHistogram(registry, {
    name: "orcestator_request_latency_seconds",
    help: "From arrival to the last byte of the answer",
    bounds,
    histograms: latency,
  });
  derivedHistogram(registry, {
    name: "orcestator_time_to_first_token_seconds",
    help: "Streams: from arrival to the first content",
    bounds,
    histograms: ttft,
  });
  // The names that users of llm-orch scrape today; samples of the same labels add up.
  derivedCounter(registry, {
    name: "orch_requests_total",
    help: "Requests",
    labelNames: ["provider", "status"],
    samples: () =>
      byStatus().map(({ labels, value }) => ({ labels: { provider: labels.provider, status: labels.status }, value })),
  });
  derivedHistogram(registry, {
    name: "orch_request_latency_seconds",
    help: "Request latency",
    bounds,
    histograms: () => latencyByProvider(tallies()),
  });
}

function latencyByProvider(tallies: readonly Tally[]): { labels: Record<string, string>; histogram: HistogramTally }[] {
  const byProvider = new Map<string, HistogramTally>();
  for (const { labels, latency } of tallies) {
    const sum = byProvider.get(labels.provider) ?? newHistogram(latencyBuckets);
    addHistogram(sum, latency);
    byProvider.set(labels.provider, sum);
  }
  return [...byProvider].map(([provider, histogram]) => ({ labels: { provider }, histogram }));
}

/** The numbers come from upstreams; a counter takes nothing below zero. */
function isCountable(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}

function countable(value: number | undefined): number {
  return isCountable(value) ? value : 0;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { isKnownModel, queueDepth, sinks, databaseIsUp } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const labelOf = createModelLabel(isKnownModel);
  const tallies = new Map<string, Tally>();
  const overhead = newHistogram(overheadBuckets);
  const attempts = new Map<string, { labels: { provider: string; outcome: string }; value: number }>();
  let activeRequests = 0;

  registerRequestMetrics(registry, () => [...tallies.values()]);
  derivedHistogram(registry, {
    name: "orcestator_overhead_seconds",
    help: "The gateway's own working time in a request",
    bounds: overheadBuckets,
    histograms: () => [{ labels: {}, histogram: overhead }],
  });
  derivedCounter(registry, {
    name: "orcestator_upstream_attempts_total",
    help: "Requests sent upstream",
    labelNames: ["provider", "outcome"],
    samples: () => [...attempts.values()],
  });
  gauge(registry, {
    name: "orcestator_active_requests",
    help: "Requests that have not ended",
    read: () => activeRequests,
  });
  gauge(registry, { name: "orcestator_record_queue_depth", help: "Records waiting to be written", read: queueDepth });
  if (databaseIsUp !== undefined) {
    gauge(registry, {
      name: "orcestator_database_up",
      help: "1 = the database can be used, 0 = records and changes wait for it",
      read: () => (databaseIsUp() ? 1 : 0),
      // Workers and their parent use the same one.
      aggregator: "min",
    });
  }
  const refused = counter(registry, {
    name: "orcestator_refused_requests_total",
    help: "Requests refused before they reached the gateway",
    labelNames: ["status"],
  });
  const drops = counter(registry, {
    name: "orcestator_records_dropped_total",
    help: "Records that a sink did not take",
    labelNames: ["sink"],
    fromZero: sinks,
  });
  const fields = counter(registry, {
    name: "orcestator_dropped_fields_total",
    help: "Request fields that could not be carried from the client's protocol to a provider",
    labelNames: ["client", "upstream"],
  });

  const routing = createRoutingMetrics(registry, options);

  function tallyOf(record: RequestRecord): Tally {
    const model = labelOf(record.modelAsked);
    const provider = record.provider ?? "none";
    const key = `${provider}\n${model}`;
    let tally = tallies.get(key);
    if (tally === undefined) {
      tally = newTally({ model, provider }, latencyBuckets);
      tallies.set(key, tally);
    }
    return tally;
  }

  return {
    ...routing,
    ...createConfigMetrics(registry),
    ...createCoordinationMetrics(registry, options),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
    requestStarted: () => (activeRequests += 1),
    requestRefused: (status) => refused.inc({ status }),
    queueDropped: (sink, count) => drops.inc({ sink }, count),
    fieldsDropped: (client, upstream, count) => fields.inc({ client, upstream }, count),
    attempt(provider, outcome) {
      const key = `${provider}\n${outcome}`;
      const known = attempts.get(key);
      if (known === undefined) attempts.set(key, { labels: { provider, outcome }, value: 1 });
      else known.value += 1;
    },
    requestFinished(record) {
      activeRequests -= 1;
      const tally = tallyOf(record);
      tally.byStatus.set(record.status, (tally.byStatus.get(record.status) ?? 0) + 1);
      tally.promptTokens += countable(promptTokens(record.usage));
      tally.completionTokens += countable(completionTokens(record.usage));
      if (isCountable(record.costUsd)) tally.costUsd = (tally.costUsd ?? 0) + record.costUsd;
      observe(tally.latency, latencyBuckets, record.latencyMs / 1000);
      observe(overhead, overheadBuckets, record.overheadMs / 1000);
      if (record.ttftMs !== undefined) observe(tally.ttft, latencyBuckets, record.ttftMs / 1000);
    },
  };
}

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { completionTokens, promptTokens, type RequestRecord } from "./request-record.ts";

export interface Metrics {
  requestStarted(): void;
  requestFinished(record: RequestRecord): void;
  /** A request refused before it reached the gateway: no key, too large, unknown path. */
  requestRefused(status: number): void;
  /** One request sent upstream; `outcome` is `ok` or an error code. */
  attempt(provider: string, outcome: string): void;
  queueDropped(sink: string, count: number): void;
  /** Prometheus text of everything. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Names that get a label of their own; every other model is `other`, or one client could make a million series. */
  isKnownModel: (model: string) => boolean;
  queueDepth: () => number;
}

const latencyBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];
const overheadBuckets = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1];
/** Even known names are limited: an upstream may list thousands. */
const mostModels = 500;

function createModelLabel(isKnownModel: (model: string) => boolean): (model: string) => string {
  const labelled = new Set<string>();
  return (model) => {
    if (labelled.has(model)) return model;
    if (labelled.size >= mostModels || !isKnownModel(model)) return "other";
    labelled.add(model);
    return model;
  };
}

export function createMetrics({ isKnownModel, queueDepth }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const labelOf = createModelLabel(isKnownModel);
  const byModel = ["model", "provider"] as const;
  const byStatus = ["model", "provider", "status"] as const;

  const requests = new Counter({
    name: "orcestator_requests_total",
    help: "Requests by what served them and how they ended",
    labelNames: byStatus,
    registers,
  });
  const prompt = new Counter({
    name: "orcestator_prompt_tokens_total",
    help: "Input tokens, cached ones too",
    labelNames: byModel,
    registers,
  });
  const completion = new Counter({
    name: "orcestator_completion_tokens_total",
    help: "Output tokens, reasoning too",
    labelNames: byModel,
    registers,
  });
  const latency = new Histogram({
    name: "orcestator_request_latency_seconds",
    help: "From arrival to the last byte of the answer",
    labelNames: byModel,
    buckets: latencyBuckets,
    registers,
  });
  const active = new Gauge({ name: "orcestator_active_requests", help: "Requests that have not ended", registers });
  const ttft = new Histogram({
    name: "orcestator_time_to_first_token_seconds",
    help: "Streams: from arrival to the first content",
    labelNames: byModel,
    buckets: latencyBuckets,
    registers,
  });
  const overhead = new Histogram({
    name: "orcestator_overhead_seconds",
    help: "The gateway's own working time in a request",
    buckets: overheadBuckets,
    registers,
  });
  const cost = new Counter({
    name: "orcestator_cost_usd_total",
    help: "US dollars as upstreams reported them",
    labelNames: byModel,
    registers,
  });
  const attempts = new Counter({
    name: "orcestator_upstream_attempts_total",
    help: "Requests sent upstream",
    labelNames: ["provider", "outcome"],
    registers,
  });
  const refused = new Counter({
    name: "orcestator_refused_requests_total",
    help: "Requests refused before they reached the gateway",
    labelNames: ["status"],
    registers,
  });
  const drops = new Counter({
    name: "orcestator_records_dropped_total",
    help: "Records that a sink did not take",
    labelNames: ["sink"],
    registers,
  });
  const depth = new Gauge({
    name: "orcestator_record_queue_depth",
    help: "Records waiting to be written",
    registers: [],
    collect() {
      this.set(queueDepth());
    },
  });
  registry.registerMetric(depth);
  // The names of the system that llm-orch users scrape today.
  const orchRequests = new Counter({
    name: "orch_requests_total",
    help: "Requests",
    labelNames: ["provider", "status"],
    registers,
  });
  const orchLatency = new Histogram({
    name: "orch_request_latency_seconds",
    help: "Request latency",
    labelNames: ["provider"],
    buckets: latencyBuckets,
    registers,
  });

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestStarted: () => active.inc(),
    requestRefused: (status) => refused.inc({ status }),
    attempt: (provider, outcome) => attempts.inc({ provider, outcome }),
    queueDropped: (sink, count) => drops.inc({ sink }, count),
    requestFinished(record) {
      const provider = record.provider ?? "none";
      const labels = { model: labelOf(record.modelAsked), provider };
      active.dec();
      requests.inc({ ...labels, status: record.status });
      latency.observe(labels, record.latencyMs / 1000);
      overhead.observe(record.overheadMs / 1000);
      prompt.inc(labels, promptTokens(record.usage) ?? 0);
      completion.inc(labels, completionTokens(record.usage) ?? 0);
      if (record.ttftMs !== undefined) ttft.observe(labels, record.ttftMs / 1000);
      if (record.costUsd !== undefined) cost.inc(labels, record.costUsd);
      orchRequests.inc({ provider, status: record.status });
      orchLatency.observe({ provider }, record.latencyMs / 1000);
    },
  };
}

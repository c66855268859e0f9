import { expect, test } from "bun:test";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import { createWorkerMetrics } from "../../src/telemetry/metrics-of-workers.ts";
import { makeRecord } from "../support/make-record.ts";
import { metric, parseMetrics } from "../support/metrics.ts";

/** A worker that has had some requests, of which one is running. */
function worker(requests: number, openCircuits = 0): Metrics {
  const targets = Array.from({ length: openCircuits }, () => ({ circuit: "open" }));
  const metrics = createMetrics({
    isKnownModel: () => true,
    queueDepth: () => 2,
    sinks: ["database"],
    providerHealth: () => [{ provider: "p", targets, credentials: [] }],
  });
  for (let count = 0; count < requests; count += 1) {
    metrics.requestStarted();
    metrics.requestFinished(makeRecord({ latencyMs: 40, costUsd: 0.5 }));
  }
  metrics.requestStarted();
  return metrics;
}

/** As it comes from another process. */
async function snapshot(metrics: Metrics) {
  return structuredClone(await metrics.snapshot());
}

test("counters, histograms and what is in use add up; what all see alike does not", async () => {
  const [first, second] = [worker(3, 1), worker(4, 2)];
  second.configRead("refused");
  const text = await createWorkerMetrics({ serving: () => 2 }).text([await snapshot(first), await snapshot(second)]);
  const samples = parseMetrics(text);
  expect(metric(samples, "orcestator_requests_total")).toBe(7);
  expect(metric(samples, "orcestator_cost_usd_total")).toBe(3.5);
  expect(metric(samples, "orcestator_request_latency_seconds_bucket", { le: "0.05" })).toBe(7);
  expect(metric(samples, "orcestator_request_latency_seconds_count")).toBe(7);
  expect(metric(samples, "orcestator_active_requests")).toBe(2);
  expect(metric(samples, "orcestator_record_queue_depth")).toBe(4);
  expect(metric(samples, "orcestator_open_circuits", { provider: "p" })).toBe(2);
  expect(metric(samples, "orcestator_config_is_current")).toBe(0);
  expect(metric(samples, "orcestator_config_reloads_total", { outcome: "refused" })).toBe(1);
  expect(metric(samples, "orcestator_workers")).toBe(2);
});

test("a counter never falls because a worker died; what that one had in use is gone", async () => {
  const metrics = createWorkerMetrics({ serving: () => 1 });
  const alive = worker(1);
  await metrics.keep(await snapshot(worker(3)));
  await metrics.keep(await snapshot(worker(4)));
  metrics.restarted();
  const samples = parseMetrics(await metrics.text([await snapshot(alive)]));
  expect(metric(samples, "orcestator_requests_total")).toBe(8);
  expect(metric(samples, "orcestator_request_latency_seconds_count")).toBe(8);
  expect(metric(samples, "orcestator_active_requests")).toBe(1);
  expect(metric(samples, "orcestator_worker_restarts_total")).toBe(1);
});

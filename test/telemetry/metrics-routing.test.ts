import { expect, test } from "bun:test";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { metric, parseMetrics } from "../support/metrics.ts";

const target = (circuit: string): { circuit: string } => ({ circuit });
const plain = { isKnownModel: () => true, queueDepth: () => 0, sinks: [] };

test("steps beyond the first try are counted by kind", async () => {
  const metrics = createMetrics(plain);
  const before = parseMetrics(await metrics.text());
  expect(metric(before, "orcestator_hedges_total", { outcome: "won" })).toBe(0);
  metrics.failover("a");
  metrics.failover("b");
  metrics.retry("a");
  metrics.hedge("won");
  metrics.hedge("lost");
  metrics.hedge("lost");
  metrics.shed("lag");
  metrics.limitRefused("key", "rpm");
  metrics.limitRefused("key", "rpm");
  const samples = parseMetrics(await metrics.text());
  expect(metric(samples, "orcestator_failovers_total")).toBe(2);
  expect(metric(samples, "orcestator_failovers_total", { provider: "b" })).toBe(1);
  expect(metric(samples, "orcestator_retries_total", { provider: "a" })).toBe(1);
  expect(metric(samples, "orcestator_hedges_total", { outcome: "lost" })).toBe(2);
  expect(metric(samples, "orcestator_requests_shed_total", { reason: "lag" })).toBe(1);
  expect(metric(samples, "orcestator_limit_refusals_total", { scope: "key", by: "rpm" })).toBe(2);
});

test("open circuits, disabled credentials and the queue are as they are when the metrics are read", async () => {
  const refused = { disabled: { since: 1 } };
  let states = [
    { provider: "a", targets: ["open", "half_open", "closed", "open"].map(target), credentials: [refused] },
    { provider: "b", targets: [target("closed")], credentials: [{ disabled: undefined }] },
  ];
  let waiting = 3;
  const metrics = createMetrics({ ...plain, providerHealth: () => states, queueWaiting: () => waiting });
  const samples = parseMetrics(await metrics.text());
  expect(metric(samples, "orcestator_open_circuits", { provider: "a" })).toBe(2);
  expect(metric(samples, "orcestator_open_circuits", { provider: "b" })).toBe(0);
  expect(metric(samples, "orcestator_credentials_disabled", { provider: "a" })).toBe(1);
  expect(metric(samples, "orcestator_credentials_disabled", { provider: "b" })).toBe(0);
  expect(metric(samples, "orcestator_queue_waiting")).toBe(3);
  states = states.slice(1);
  waiting = 0;
  const later = parseMetrics(await metrics.text());
  expect(metric(later, "orcestator_open_circuits", { provider: "a" })).toBeUndefined();
  expect(metric(later, "orcestator_queue_waiting")).toBe(0);
});

import { beforeEach, describe, expect, test } from "bun:test";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import { unknownUsage, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { metric, parseMetrics, type MetricSample } from "../support/metrics.ts";

let metrics: Metrics;
let depth = 0;
beforeEach(() => {
  depth = 0;
  metrics = createMetrics({
    isKnownModel: (model) => !model.startsWith("unknown"),
    queueDepth: () => depth,
    sinks: ["traffic log", "database"],
  });
});

async function samplesAfter(...records: RequestRecord[]): Promise<MetricSample[]> {
  for (const record of records) {
    metrics.requestStarted();
    metrics.requestFinished(record);
  }
  return parseMetrics(await metrics.text());
}

const isCost = ({ name }: MetricSample): boolean => name === "orcestator_cost_usd_total";

describe("a finished request counts", () => {
  const labels = { model: "orcestator", provider: "openrouter" };

  test("in the requests, by model, provider and status, under both families of names", async () => {
    const samples = await samplesAfter(makeRecord(), makeRecord({ status: 503 }), makeRecord({ status: 503 }));
    expect(metric(samples, "orcestator_requests_total", { ...labels, status: "200" })).toBe(1);
    expect(metric(samples, "orcestator_requests_total", { ...labels, status: "503" })).toBe(2);
    expect(metric(samples, "orch_requests_total", { provider: "openrouter", status: "503" })).toBe(2);
    expect(metric(samples, "orch_request_latency_seconds_count", { provider: "openrouter" })).toBe(3);
  });

  test("in tokens, cached and reasoning ones too, and in cost where it is known", async () => {
    const usage = { input: 10, cacheRead: 20, cacheWrite: 5, output: 7, reasoning: 3 };
    const samples = await samplesAfter(makeRecord({ usage, costUsd: 0.25 }), makeRecord({ usage: unknownUsage }));
    expect(metric(samples, "orcestator_prompt_tokens_total", labels)).toBe(35);
    expect(metric(samples, "orcestator_completion_tokens_total", labels)).toBe(10);
    expect(metric(samples, "orcestator_cost_usd_total", labels)).toBe(0.25);
  });

  test("in no cost where none was known, which is not a cost of nothing", async () => {
    const unknown = [undefined, Number.NaN, -1].map((costUsd) => makeRecord({ costUsd }));
    expect((await samplesAfter(...unknown)).filter(isCost)).toEqual([]);
    const samples = await samplesAfter(makeRecord({ modelAsked: "free", costUsd: 0 }));
    expect(samples.filter(isCost)).toMatchObject([{ labels: { model: "free" }, value: 0 }]);
  });

  test("in the times, in seconds", async () => {
    const samples = await samplesAfter(
      makeRecord({ latencyMs: 1500, ttftMs: 200, overheadMs: 0.4 }),
      makeRecord({ ttftMs: undefined, latencyMs: 500, overheadMs: 0.6 }),
    );
    expect(metric(samples, "orcestator_request_latency_seconds_sum", labels)).toBe(2);
    expect(metric(samples, "orcestator_request_latency_seconds_bucket", { ...labels, le: "1" })).toBe(1);
    expect(metric(samples, "orcestator_time_to_first_token_seconds_count", labels)).toBe(1);
    expect(metric(samples, "orcestator_time_to_first_token_seconds_sum", labels)).toBe(0.2);
    expect(metric(samples, "orcestator_overhead_seconds_sum")).toBeCloseTo(0.001);
  });

  test("under provider 'none' when it never came to one", async () => {
    const samples = await samplesAfter(makeRecord({ provider: undefined, status: 400 }));
    expect(metric(samples, "orcestator_requests_total", { provider: "none", status: "400" })).toBe(1);
  });
});

test("active requests are those that began and did not end", async () => {
  metrics.requestStarted();
  metrics.requestStarted();
  metrics.requestStarted();
  metrics.requestFinished(makeRecord());
  expect(metric(parseMetrics(await metrics.text()), "orcestator_active_requests")).toBe(2);
});

test("attempts, refusals, drops and the queue's depth have numbers of their own", async () => {
  metrics.attempt("openrouter", "ok");
  metrics.attempt("openrouter", "rate_limit_exceeded");
  metrics.attempt("openrouter", "rate_limit_exceeded");
  metrics.requestRefused(401);
  metrics.queueDropped("traffic log", 5);
  depth = 17;
  const samples = parseMetrics(await metrics.text());
  expect(metric(samples, "orcestator_upstream_attempts_total", { outcome: "ok" })).toBe(1);
  expect(metric(samples, "orcestator_upstream_attempts_total", { outcome: "rate_limit_exceeded" })).toBe(2);
  expect(metric(samples, "orcestator_refused_requests_total", { status: "401" })).toBe(1);
  expect(metric(samples, "orcestator_records_dropped_total", { sink: "traffic log" })).toBe(5);
  expect(metric(samples, "orcestator_records_dropped_total", { sink: "database" })).toBe(0);
  expect(metric(samples, "orcestator_record_queue_depth")).toBe(17);
  expect(metric(samples, "process_start_time_seconds")).toBeGreaterThan(0);
  expect(metrics.contentType).toContain("text/plain");
});

describe("labels", () => {
  test("of unknown models are 'other': a client cannot make series", async () => {
    const samples = await samplesAfter(
      ...Array.from({ length: 2000 }, (_, index) => makeRecord({ modelAsked: `unknown-${index}` })),
    );
    expect(metric(samples, "orcestator_requests_total", { model: "other" })).toBe(2000);
    expect(samples.filter(({ name }) => name === "orcestator_requests_total")).toHaveLength(1);
  });

  test("of known models are limited too, and those that have one keep it", async () => {
    const records = Array.from({ length: 3000 }, (_, index) => makeRecord({ modelAsked: `known-${index}` }));
    const samples = await samplesAfter(...records, makeRecord({ modelAsked: "known-0" }));
    const series = samples.filter(({ name }) => name === "orcestator_requests_total");
    expect(series.length).toBeLessThanOrEqual(501);
    expect(metric(samples, "orcestator_requests_total", { model: "known-0" })).toBe(2);
    expect(metric(samples, "orcestator_requests_total", { model: "other" })).toBe(2500);
  });

  test("are written so that no name breaks the format", async () => {
    const name = 'a"b\\c\nd{}é';
    const samples = await samplesAfter(makeRecord({ modelAsked: name }));
    const found = samples.find((sample) => sample.name === "orcestator_requests_total");
    expect(found?.labels["model"]).toBe('a\\"b\\\\c\\nd{}é');
  });
});

test("numbers that no counter takes keep neither a request from ending nor the metrics from being read", async () => {
  for (const strange of [-1, Number.NaN, Infinity]) {
    const usage = { input: strange, cacheRead: strange, cacheWrite: undefined, output: strange, reasoning: strange };
    await samplesAfter(makeRecord({ usage, costUsd: strange }));
  }
  const samples = await samplesAfter(makeRecord({ usage: { ...unknownUsage, input: 10, output: 5 }, costUsd: 0.5 }));
  expect(metric(samples, "orcestator_active_requests")).toBe(0);
  expect(metric(samples, "orcestator_requests_total")).toBe(4);
  expect(metric(samples, "orcestator_prompt_tokens_total")).toBe(10);
  expect(metric(samples, "orcestator_completion_tokens_total")).toBe(5);
  expect(metric(samples, "orcestator_cost_usd_total")).toBe(0.5);
});

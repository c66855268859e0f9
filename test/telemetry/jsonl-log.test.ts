import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createJsonlLog } from "../../src/telemetry/jsonl-log.ts";
import { localDay } from "../../src/telemetry/local-time.ts";
import { unknownUsage } from "../../src/telemetry/request-record.ts";
import { makeRecord } from "../support/make-record.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

function objectsIn(file: string): unknown[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

function nameOf(epochMs: number): string {
  return `requests-${localDay(epochMs).replaceAll("-", "")}.jsonl`;
}

test("a request is one object with exactly the fields of the contract", () => {
  using temporary = temporaryFolder();
  const dir = join(temporary.path, "metrics");
  const log = createJsonlLog({ dir });
  expect(existsSync(dir)).toBe(false);
  const startedAt = Date.parse("2026-11-20T10:30:00.123Z");
  const usage = { input: 800, cacheRead: 12, cacheWrite: undefined, output: 50, reasoning: 6 };
  void log.write([
    makeRecord({ id: "req_1", startedAt, task: "code", usage, latencyMs: 1234.4, retries: 2 }),
    makeRecord({
      id: "req_2",
      startedAt,
      status: 503,
      endReason: "upstream_error",
      errorCode: "upstream_overloaded",
      errorMessage: 'it is "busy"\nnow',
      modelServed: undefined,
      provider: undefined,
      usage: unknownUsage,
    }),
  ]);
  void log.close();
  expect(objectsIn(join(dir, nameOf(startedAt)))).toEqual([
    {
      ts: "2026-11-20T10:30:00.123Z",
      req_id: "req_1",
      task: "code",
      provider: "openrouter",
      model: "openai/gpt-4o",
      latency_ms: 1234,
      ok: true,
      status: 200,
      error: null,
      retries: 2,
      usage_prompt: 812,
      usage_completion: 56,
    },
    {
      ts: "2026-11-20T10:30:00.123Z",
      req_id: "req_2",
      task: null,
      provider: null,
      model: "orcestator",
      latency_ms: 100,
      ok: false,
      status: 503,
      error: 'upstream_overloaded: it is "busy"\nnow',
      retries: 0,
      usage_prompt: null,
      usage_completion: null,
    },
  ]);
});

test("each request goes into the file of the local day it started", () => {
  using temporary = temporaryFolder();
  const log = createJsonlLog({ dir: temporary.path });
  const evening = new Date(2026, 10, 20, 23, 59, 59).getTime();
  const morning = new Date(2026, 10, 21, 0, 0, 1).getTime();
  void log.write([makeRecord({ startedAt: evening }), makeRecord({ startedAt: morning })]);
  void log.write([makeRecord({ startedAt: evening })]);
  void log.close();
  expect(readdirSync(temporary.path).sort()).toEqual(["requests-20261120.jsonl", "requests-20261121.jsonl"]);
  expect(objectsIn(join(temporary.path, "requests-20261120.jsonl"))).toHaveLength(2);
});

test("a file that was removed is made anew", () => {
  using temporary = temporaryFolder();
  const log = createJsonlLog({ dir: temporary.path });
  const record = makeRecord();
  const file = join(temporary.path, nameOf(record.startedAt));
  void log.write([record]);
  rmSync(file);
  void log.write([record]);
  expect(objectsIn(file)).toHaveLength(1);
  void log.close();
});

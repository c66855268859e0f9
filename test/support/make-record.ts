import { type RequestRecord, unknownUsage } from "../../src/telemetry/request-record.ts";

let count = 0;

/** A completed request with an id of its own; what a test is about goes into `changes`. */
export function makeRecord(changes: Partial<RequestRecord> = {}): RequestRecord {
  count += 1;
  return {
    id: `req_${String(count).padStart(24, "0")}`,
    startedAt: Date.parse("2026-11-20T10:30:00.000Z") + count,
    operation: "chat",
    protocol: "openai-chat",
    task: undefined,
    keyId: "anonymous",
    clientAddress: "127.0.0.1",
    userAgent: "test",
    modelAsked: "orcestator",
    modelServed: "openai/gpt-4o",
    provider: "openrouter",
    stream: false,
    dropped: [],
    status: 200,
    endReason: "completed",
    errorCode: undefined,
    errorMessage: undefined,
    attempts: 1,
    retries: 0,
    credential: undefined,
    lane: undefined,
    trail: undefined,
    usage: { ...unknownUsage, input: 10, output: 5 },
    usageSource: "upstream",
    costUsd: undefined,
    upstreamId: undefined,
    finishReason: "stop",
    latencyMs: 100,
    ttftMs: undefined,
    overheadMs: 1,
    userText: "hello",
    assistantText: "hi there",
    ...changes,
  };
}

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createRecording } from "../../src/gateway/recording.ts";
import { newObservation } from "../../src/protocols/protocol.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import type { Observation } from "../../src/protocols/protocol.ts";
import { unknownUsage, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { callOf } from "./rig.ts";

const body = JSON.stringify({ model: "asked", stream: true, messages: [{ role: "user", content: "What is it?" }] });

function start({ textLimit = 100, headers }: { textLimit?: number; headers?: Record<string, string> } = {}) {
  const records: RequestRecord[] = [];
  const call = callOf(body, new AbortController().signal, headers);
  const recording = createRecording({
    call,
    operation: "chat",
    protocol: "openai-chat",
    textLimit,
    onFinish: (record) => records.push(record),
  });
  return { call, records, recording };
}

function observed(fields: Partial<Observation>): Observation {
  return { ...newObservation(), ...fields };
}

const envelope = openaiChat.peek(body, { maxDepth: 64 });
const usage = { ...unknownUsage, input: 5, output: 3 };
const broken = new GatewayError({ code: "upstream_error", status: 502, message: "It broke." });

describe("a record", () => {
  test("begins with what the call says", () => {
    const { call, recording } = start({
      headers: { "user-agent": "x".repeat(1000), "x-orch-task-kind": "y".repeat(1000) },
    });
    expect(recording.record).toMatchObject({
      id: call.requestId,
      startedAt: call.startedAt,
      operation: "chat",
      protocol: "openai-chat",
      keyId: "key-1",
      clientAddress: "127.0.0.1",
      usageSource: "none",
      attempts: 0,
      retries: 0,
    });
    expect(recording.record.userAgent).toHaveLength(300);
    expect(recording.record.task).toHaveLength(200);
  });

  test("ends with the whole answer", () => {
    const { recording, records } = start();
    recording.see(envelope);
    const observation = observed({
      usage,
      costUsd: 0.5,
      upstreamId: "gen-1",
      model: "vendor/served",
      finishReason: "stop",
      text: "That.",
      contentEvents: 2,
    });
    recording.finish({ status: 200, endReason: "completed", observation });
    expect(records[0]).toMatchObject({
      status: 200,
      endReason: "completed",
      modelAsked: "asked",
      modelServed: "vendor/served",
      stream: true,
      usage,
      usageSource: "upstream",
      costUsd: 0.5,
      upstreamId: "gen-1",
      finishReason: "stop",
      userText: "What is it?",
      assistantText: "That.",
      errorCode: undefined,
    });
    expect(records[0]?.latencyMs).toBeGreaterThanOrEqual(0);
  });

  test("is handed on once, as it was first finished", () => {
    const { recording, records } = start();
    recording.finish({ status: 200, endReason: "completed" });
    recording.finish({ status: 502, endReason: "upstream_error", error: broken });
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ status: 200, errorCode: undefined });
  });

  test("names the error", () => {
    const { recording, records } = start();
    recording.finish({ status: 503, endReason: "upstream_error", error: broken });
    expect(records[0]).toMatchObject({
      errorCode: "upstream_error",
      errorMessage: "It broke.",
      usageSource: "none",
      usage: unknownUsage,
    });
  });

  test("keeps no text where the policy is none, and cuts it where it is short", () => {
    const none = start({ textLimit: 0 });
    none.recording.see(envelope);
    none.recording.finish({ status: 200, endReason: "completed", observation: observed({ text: "That." }) });
    expect([none.records[0]?.userText, none.records[0]?.assistantText]).toEqual([undefined, undefined]);
    const short = start({ textLimit: 4 });
    short.recording.see(envelope);
    short.recording.finish({ status: 200, endReason: "completed" });
    expect(short.records[0]?.userText).toBe("What");
  });

  test("adds up the gateway's own work, and takes the first content's time once", async () => {
    const { recording, records } = start();
    recording.worked(1.5);
    recording.worked(2);
    recording.firstContent();
    const first = recording.record.ttftMs;
    await Bun.sleep(5);
    recording.firstContent();
    recording.finish({ status: 200, endReason: "completed" });
    expect(records[0]?.overheadMs).toBe(3.5);
    expect(records[0]?.ttftMs).toBe(first);
  });
});

function usageOf(observation: Observation, sees = true): Pick<RequestRecord, "usage" | "usageSource"> {
  const { recording, records } = start();
  if (sees) recording.see(envelope);
  recording.finish({ status: 503, endReason: "upstream_error", error: broken, observation });
  return { usage: records[0]?.usage ?? unknownUsage, usageSource: records[0]?.usageSource ?? "none" };
}

describe("the usage of a stream that broke", () => {
  test("is the upstream's as far as it told it", () => {
    expect(usageOf(observed({ usage, contentEvents: 9 }))).toEqual({ usage, usageSource: "partial_upstream" });
  });

  test("is estimated from what was asked and delivered", () => {
    const estimated = { ...unknownUsage, input: Math.ceil(body.length / 4), output: 9 };
    expect(usageOf(observed({ contentEvents: 9 }))).toEqual({ usage: estimated, usageSource: "estimated" });
  });

  test("is none when nothing was delivered: error texts are no output", () => {
    expect(usageOf(observed({}))).toEqual({ usage: unknownUsage, usageSource: "none" });
    expect(usageOf(observed({ contentEvents: 9 }), false)).toEqual({ usage: unknownUsage, usageSource: "none" });
  });
});

test("a whole answer without usage has none: nothing is made up", () => {
  const { recording, records } = start();
  recording.see(envelope);
  recording.finish({ status: 200, endReason: "completed", observation: observed({ contentEvents: 3 }) });
  expect(records[0]).toMatchObject({ usage: unknownUsage, usageSource: "none", costUsd: undefined });
});

import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { createRecording } from "../../src/gateway/recording.ts";
import { newObservation } from "../../src/protocols/protocol.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import type { Observation } from "../../src/protocols/protocol.ts";
import { type Price, priceOf } from "../../src/prices/price.ts";
import type { Target } from "../../src/routing/target.ts";
import { unknownUsage, type Operation, type RequestRecord } from "../../src/telemetry/request-record.ts";
import { somePrice } from "../support/some-price.ts";
import { callOf } from "./rig.ts";

const body = JSON.stringify({ model: "asked", stream: true, messages: [{ role: "user", content: "What is it?" }] });

interface StartOptions {
  textLimit: number;
  headers: Record<string, string>;
  operation: Operation;
  priceOf: ((target: Target, served: string | undefined) => Price | undefined) | undefined;
}

function start({ textLimit = 100, headers, operation = "chat", priceOf: findPrice }: Partial<StartOptions> = {}) {
  const records: RequestRecord[] = [];
  const call = callOf(body, new AbortController().signal, headers);
  const recording = createRecording({
    call,
    operation,
    protocol: "openai-chat",
    textLimit,
    priceOf: findPrice,
    onFinish: (record) => records.push(record),
  });
  return { call, records, recording };
}

function observed(fields: Partial<Observation>): Observation {
  return { ...newObservation(), ...fields };
}

const envelope = openaiChat.peek(body, { maxDepth: 64 });
const size = { promptTokens: () => 21 };
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
    recording.see(envelope, size);
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
    none.recording.see(envelope, size);
    none.recording.finish({ status: 200, endReason: "completed", observation: observed({ text: "That." }) });
    expect([none.records[0]?.userText, none.records[0]?.assistantText]).toEqual([undefined, undefined]);
    const short = start({ textLimit: 4 });
    short.recording.see(envelope, size);
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
  if (sees) recording.see(envelope, size);
  recording.finish({ status: 503, endReason: "upstream_error", error: broken, observation });
  return { usage: records[0]?.usage ?? unknownUsage, usageSource: records[0]?.usageSource ?? "none" };
}

describe("the usage of a stream that broke", () => {
  test("is the upstream's as far as it told it", () => {
    const told = observed({ usage, contentEvents: 3, answerBytes: 12 });
    expect(usageOf(told)).toEqual({ usage, usageSource: "partial_upstream" });
  });

  test("has no numbers that nobody could add up", () => {
    const absurd = {
      input: Number.MAX_SAFE_INTEGER,
      cacheRead: -7,
      cacheWrite: 1.2,
      output: 1e300,
      reasoning: undefined,
    };
    const capped = { input: 1e12, cacheRead: 0, cacheWrite: 2, output: 1e12, reasoning: undefined };
    expect(usageOf(observed({ usage: absurd })).usage).toEqual(capped);
  });

  test("is estimated where more went by than the upstream had told of until then", () => {
    const output = (fields: Partial<Observation>) => usageOf(observed({ usage, ...fields }));
    expect(output({ contentEvents: 9 })).toEqual({ usage: { ...usage, output: 9 }, usageSource: "estimated" });
    expect(output({ contentEvents: 2, answerBytes: 4001 }).usage.output).toBe(1001);
    const thinking = { ...usage, reasoning: 7 };
    const { usage: sum } = usageOf(observed({ usage: thinking, answerBytes: 80 }));
    expect(sum).toEqual({ ...thinking, output: 13 });
    expect(usageOf(observed({ usage: { ...unknownUsage, output: 3 }, contentEvents: 9 })).usage).toEqual({
      ...unknownUsage,
      input: 21,
      output: 9,
    });
  });

  test("is estimated from what was asked and delivered", () => {
    const estimated = { ...unknownUsage, input: 21, output: 9 };
    expect(usageOf(observed({ contentEvents: 9 }))).toEqual({ usage: estimated, usageSource: "estimated" });
  });

  test("is none when nothing was delivered: error texts are no output", () => {
    expect(usageOf(observed({}))).toEqual({ usage: unknownUsage, usageSource: "none" });
    expect(usageOf(observed({ contentEvents: 9 }), false)).toEqual({ usage: unknownUsage, usageSource: "none" });
  });
});

test("a whole answer without usage has none: nothing is made up", () => {
  const { recording, records } = start();
  recording.see(envelope, size);
  recording.finish({ status: 200, endReason: "completed", observation: observed({ contentEvents: 3 }) });
  expect(records[0]).toMatchObject({ usage: unknownUsage, usageSource: "none", costUsd: undefined });
});

describe("the cost of a request", () => {
  const target = { upstream: { name: "claude" }, model: "claude-x" } as Target;
  const base = { ...somePrice, cacheRead: 0.3 };
  const price = priceOf(base, [{ above: 1_000_000, used: { ...base, input: 6 } }]);
  const counted = { ...unknownUsage, input: 1_000_000, output: 0 };

  function costOf(observation: Partial<Observation>, options: Partial<StartOptions> = {}): Partial<RequestRecord> {
    const { recording, records } = start({ priceOf: () => price, ...options });
    recording.see(envelope, size);
    recording.asked(target);
    recording.finish({ status: 200, endReason: "completed", observation: observed(observation) });
    const { costUsd, costSource, priceUsed } = records[0] ?? {};
    return { costUsd, costSource, priceUsed };
  }

  test("is computed where the upstream does not say, by the price that the record keeps", () => {
    expect(costOf({ usage: counted })).toEqual({ costUsd: 3, costSource: "computed", priceUsed: base });
    const long = { ...counted, cacheRead: 1 };
    expect(costOf({ usage: long })).toMatchObject({ costUsd: 6.0000003, priceUsed: { input: 6 } });
  });

  test("is the upstream's where it says, and the price is kept beside it", () => {
    expect(costOf({ usage: counted, costUsd: 2.5 })).toEqual({ costUsd: 2.5, costSource: "upstream", priceUsed: base });
    expect(costOf({ usage: counted, costUsd: 0 })).toMatchObject({ costUsd: 0, costSource: "upstream" });
  });

  test("is not known without a price, without usage, and without the price of what was used", () => {
    const nothing = { costUsd: undefined, costSource: undefined, priceUsed: undefined };
    expect(costOf({ usage: counted }, { priceOf: () => undefined })).toEqual(nothing);
    expect(costOf({ usage: counted }, { priceOf: undefined })).toEqual(nothing);
    expect(costOf({ contentEvents: 3 })).toEqual(nothing);
    expect(costOf({ usage: { ...usage, cacheWrite: 1 } })).toEqual({ ...nothing, priceUsed: base });
  });

  test("of counting tokens is nobody's business", () => {
    expect(costOf({ usage: counted }, { operation: "count_tokens" }).costUsd).toBeUndefined();
  });

  test("is asked of the target that was asked last, with the model that its answer names", () => {
    const asked: unknown[] = [];
    const { recording, records } = start({ priceOf: (...about) => void asked.push(about) });
    recording.asked({ upstream: { name: "groq" }, model: "other" } as Target);
    recording.asked(target);
    expect(recording.record).toMatchObject({ provider: "claude", modelServed: "claude-x" });
    recording.finish({ status: 200, endReason: "completed", observation: observed({ usage, model: "claude-x-2026" }) });
    expect(asked).toEqual([[target, "claude-x-2026"]]);
    expect(records[0]?.costUsd).toBeUndefined();
  });

  test("of a stream that broke is an estimate, as its usage is", () => {
    const { recording, records } = start({ priceOf: () => price });
    recording.see(envelope, size);
    recording.asked(target);
    const observation = observed({ contentEvents: 1_000_000 });
    recording.finish({ status: 503, endReason: "upstream_error", error: broken, observation });
    expect(records[0]).toMatchObject({ usageSource: "estimated", costSource: "computed" });
    expect(records[0]?.costUsd).toBeCloseTo(15, 3);
  });
});

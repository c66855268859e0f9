import { expect } from "bun:test";
import { GatewayError } from "../../src/errors.ts";

import { attempt, type Opened } from "../../src/gateway/attempt.ts";
import type { InferenceCall } from "../../src/gateway/call.ts";
import { createCancellation } from "../../src/gateway/cancellation.ts";
import type { Exchange } from "../../src/gateway/exchange.ts";
import { openWithFailover } from "../../src/gateway/failover.ts";
import { Holds } from "../../src/gateway/hold.ts";
import { demandOf } from "../../src/gateway/place.ts";
import { createReasoningMemory } from "../../src/gateway/reasoning-memory.ts";
import { createRecording } from "../../src/gateway/recording.ts";
import { createStoredResponses } from "../../src/gateway/stored-responses.ts";
import { createId } from "../../src/lib/ids.ts";
import { latin1Of } from "../../src/lib/latin1.ts";
import { ordinaryTraits } from "../../src/protocols/canonical/model-traits.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import { createRequestFacts } from "../../src/routing/request-facts.ts";
import type { Steering } from "../../src/routing/route.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import type { Routed } from "./routed.ts";

export function callOf(body: string, signal: AbortSignal, headers: Record<string, string> = {}): InferenceCall {
  return {
    protocol: openaiChat,
    body: new TextEncoder().encode(body),
    headers: new Headers(headers),
    signal,
    keyId: "key-1",
    maySteer: false,
    clientAddress: "127.0.0.1",
    requestId: createId("req_"),
    startedAt: Date.now(),
    startedTick: performance.now(),
    allowSilence: () => undefined,
  };
}

/** One request on its way, as the gateway holds it. */
export interface Run {
  client: AbortController;
  exchange: Exchange;
  /** Finished records: one at most. */
  records: RequestRecord[];
  /** `provider:outcome` of every try, in order. */
  outcomes: string[];
  open(): Promise<Opened>;
}

export interface RunOptions {
  routed: Routed;
  steering?: Steering;
  /** Further fields of the request. */
  fields?: object;
  stream?: boolean;
  totalMs?: number;
}

/** A request that names no model: the table's first alias is its route. */
export function startRun({ routed, stream = false, totalMs = 60_000, steering, fields = {} }: RunOptions): Run {
  const client = new AbortController();
  const call = callOf(
    JSON.stringify({ stream, messages: [{ role: "user", content: "Hi" }], ...fields }),
    client.signal,
  );
  const envelope = call.protocol.peek(latin1Of(call.body), { maxDepth: 64 });
  const facts = createRequestFacts({
    text: envelope.text,
    headers: call.headers,
    keyId: call.keyId,
    stream,
    protocol: "openai-chat",
    steering,
  });
  const route = routed.table.resolve(envelope.model, facts);
  const holds = new Holds();
  const records: RequestRecord[] = [];
  const outcomes: string[] = [];
  const recording = createRecording({
    call,
    operation: "chat",
    protocol: "openai-chat",
    textLimit: 200,
    onFinish(record) {
      holds.end("ok", undefined);
      records.push(record);
    },
  });
  recording.see(envelope, facts);
  const exchange: Exchange = {
    call,
    envelope,
    route,
    facts,
    routing: routed.routing,
    demand: demandOf(facts),
    holds,
    queued: undefined,
    recording,
    cancellation: createCancellation(client.signal, totalMs),
    editor: { modelShown: route.modelShown, hideUsage: stream, textLimit: 200 },
    onAttempt: ({ upstream }, outcome) => outcomes.push(`${upstream.name}:${outcome === "ok" ? "ok" : outcome.code}`),
    translation: {
      memory: createReasoningMemory(),
      responses: createStoredResponses(undefined),
      isStrict: false,
      traitsOf: () => ordinaryTraits,
    },
    translated: undefined,
    losses: [],
    toGatewayError(thrown) {
      if (thrown instanceof GatewayError) return thrown;
      throw thrown;
    },
  };
  return {
    client,
    exchange,
    records,
    outcomes,
    open: () =>
      openWithFailover(exchange, {
        attempt: (candidate) => attempt(exchange, candidate),
        discard(opened) {
          if (opened.kind === "stream") opened.reply.cancel();
        },
      }),
  };
}

/** Fails unless all exchanges with the upstream end soon: what is only left to the garbage collector takes longer. */
export async function expectAllClosed(requests: readonly { ended: Promise<unknown> }[]): Promise<void> {
  const closed = Promise.all(requests.map(({ ended }) => ended)).then(() => "closed");
  expect(await Promise.race([closed, Bun.sleep(400).then(() => "still open")])).toBe("closed");
}

/** The error a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise;
  } catch (error) {
    return error as GatewayError;
  }
  throw new Error("was not rejected");
}

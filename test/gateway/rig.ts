import type { GatewayError } from "../../src/errors.ts";
import type { InferenceCall } from "../../src/gateway/call.ts";
import { createCancellation, type Cancellation } from "../../src/gateway/cancellation.ts";
import { openWithFailover, type FailoverOptions } from "../../src/gateway/failover.ts";
import { createRecording, type Recording } from "../../src/gateway/recording.ts";
import { createId } from "../../src/lib/ids.ts";
import { latin1Of } from "../../src/lib/latin1.ts";
import type { Opened } from "../../src/gateway/attempt.ts";
import { openaiChat } from "../../src/protocols/openai-chat/index.ts";
import type { EditorOptions, Envelope } from "../../src/protocols/protocol.ts";
import type { ModelTable } from "../../src/routing/model-table.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";

export function callOf(body: string, signal: AbortSignal, headers: Record<string, string> = {}): InferenceCall {
  return {
    protocol: openaiChat,
    body: new TextEncoder().encode(body),
    headers: new Headers(headers),
    signal,
    keyId: "key-1",
    clientAddress: "127.0.0.1",
    requestId: createId("req_"),
    startedAt: Date.now(),
    startedTick: performance.now(),
    allowSilence: () => undefined,
  };
}

/** One request on its way, as the gateway holds it. */
export interface Run {
  envelope: Envelope;
  client: AbortController;
  cancellation: Cancellation;
  recording: Recording;
  editor: EditorOptions;
  /** Finished records: one at most. */
  records: RequestRecord[];
  /** `provider:outcome` of every try, in order. */
  outcomes: string[];
  open(): Promise<Opened>;
}

export interface RunOptions {
  table: ModelTable;
  model?: string;
  stream?: boolean;
  totalMs?: number;
}

export function startRun({ table, model, stream = false, totalMs = 60_000 }: RunOptions): Run {
  const client = new AbortController();
  const body = JSON.stringify({ ...(model !== undefined && { model }), stream, messages: [{ role: "user", content: "Hi" }] });
  const call = callOf(body, client.signal);
  const envelope = call.protocol.peek(latin1Of(call.body), { maxDepth: 64 });
  const route = table.resolve(envelope.model);
  const cancellation = createCancellation(client.signal, totalMs);
  const records: RequestRecord[] = [];
  const outcomes: string[] = [];
  const recording = createRecording({ call, textLimit: 200, onFinish: (record) => records.push(record) });
  recording.see(envelope);
  const editor = { modelShown: route.modelShown, hideUsage: stream, textLimit: 200 };
  const options: FailoverOptions = {
    call,
    envelope,
    editor,
    route,
    cancellation,
    recording,
    onSend: () => undefined,
    onAttempt: ({ upstream }, outcome) => outcomes.push(`${upstream.name}:${outcome === "ok" ? "ok" : outcome.code}`),
  };
  return { envelope, client, cancellation, recording, editor, records, outcomes, open: () => openWithFailover(options) };
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

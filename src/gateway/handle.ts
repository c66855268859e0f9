import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { createBag, type Bagged } from "../lib/bag.ts";
import { bytesOfLatin1, isAscii, latin1Of } from "../lib/latin1.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { ModelTable, Target } from "../routing/model-table.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { responseHeadersFor } from "../transport/headers.ts";
import type { Opened, OpenedStream } from "./attempt.ts";
import type { InferenceCall } from "./call.ts";
import { createCancellation, type Cancellation } from "./cancellation.ts";
import { createClientStream, endReasonOf, statusOf } from "./client-stream.ts";
import type { Exchange } from "./exchange.ts";
import { openWithFailover } from "./failover.ts";
import { createRecording, type Recording } from "./recording.ts";

export interface GatewayOptions {
  table: ModelTable;
  /** Characters of prompts and answers that records keep; 0 = none. */
  textLimit: number;
  heartbeatMs: number;
  maxJsonDepth: number;
  responseModel: "alias" | "upstream";
  /** `Retry-After` of a 429 whose upstream named none. */
  retryAfterSeconds: number;
  onStart: () => void;
  onAttempt: (target: Target, outcome: "ok" | GatewayError) => void;
  /** Every request that reached the gateway, once, when it ended. */
  onFinish: (record: RequestRecord) => void;
  onBug: (error: unknown, requestId: string) => void;
}

export interface Gateway {
  /** The path of a request. Never rejects: a failure is an answer in the client's own protocol. */
  handle(call: InferenceCall): Promise<Response>;
  /** Requests that have not ended. */
  active(): number;
  /** Ends all running requests with `reason`. */
  stop(reason: GatewayError): void;
}

/** Bun closes a connection that is silent for longer; a quiet answer in one piece asks for more time before. */
const silenceAfterMs = 30_000;
/** A route always has a target; this is for the type only. */
const fallbackTotalMs = 600_000;

interface Running extends Bagged {
  cancellation: Cancellation;
}

export function errorResponse(protocol: Protocol, error: GatewayError, requestId: string): Response {
  const { status, body, headers } = protocol.error.encode(error);
  return new Response(body, { status, headers: { ...error.headers, ...headers, "x-request-id": requestId } });
}

/** Lets the client's connection be silent while an answer in one piece takes its time; returns how to end that. */
function allowSilence(call: InferenceCall): () => void {
  let isQuiet = false;
  const callOff = alarms.set(silenceAfterMs, () => {
    isQuiet = true;
    call.allowSilence(true);
  });
  return () => {
    callOff();
    if (isQuiet) call.allowSilence(false);
  };
}

/** Plain ASCII is sent without a copy of ours; a text with one character a byte would else be taken for UTF-8. */
function bodyOf(text: string): string | Uint8Array<ArrayBuffer> {
  return isAscii(text) ? text : bytesOfLatin1(text);
}

function wholeResponse({ call, recording, cancellation }: Exchange, opened: Opened): Response {
  if (opened.kind === "stream") throw new Error("a stream was opened for a request that wants one piece");
  const from = performance.now();
  const headers = responseHeadersFor(opened.headers);
  headers["content-type"] = "application/json";
  headers["x-request-id"] = call.requestId;
  const response = new Response(bodyOf(opened.output), { headers });
  recording.worked(performance.now() - from);
  cancellation.end();
  recording.finish({ status: 200, endReason: "completed", observation: opened.observation });
  return response;
}

async function streamOf(opening: Promise<Opened>): Promise<OpenedStream> {
  const opened = await opening;
  if (opened.kind === "stream") return opened;
  throw new Error("an answer in one piece was opened for a stream");
}

function streamResponse(
  exchange: Exchange,
  opening: OpenedStream | Promise<OpenedStream>,
  heartbeatMs: number,
): Response {
  const { call } = exchange;
  const headers = opening instanceof Promise ? {} : responseHeadersFor(opening.headers);
  headers["content-type"] = "text/event-stream; charset=utf-8";
  headers["cache-control"] = "no-cache";
  headers["x-request-id"] = call.requestId;
  return new Response(createClientStream({ exchange, opening, heartbeatMs }), { headers });
}

/** A failure before the first content is a real status; only when that takes too long do headers and heart-beats go ahead. */
async function answerStream(exchange: Exchange, opening: Promise<Opened>, heartbeatMs: number): Promise<Response> {
  const stream = streamOf(opening);
  let callOff: (() => void) | undefined;
  const tooLong = new Promise<"waiting">((resolve) => {
    callOff = alarms.set(heartbeatMs, () => resolve("waiting"));
  });
  try {
    const first = await Promise.race([stream, tooLong]);
    return streamResponse(exchange, first === "waiting" ? stream : first, heartbeatMs);
  } finally {
    callOff?.();
  }
}

function internalError(requestId: string): GatewayError {
  const message = `The gateway failed on this request; its log has more under ${requestId}.`;
  return new GatewayError({ code: "internal_error", status: 500, message });
}

export function createGateway(options: GatewayOptions): Gateway {
  const running = createBag<Running>();

  function exchangeOf(call: InferenceCall, recording: Recording): Exchange {
    const envelope = call.protocol.peek(latin1Of(call.body), { maxDepth: options.maxJsonDepth });
    recording.see(envelope);
    const route = options.table.resolve(envelope.model);
    // A request without a model asks for the default one.
    recording.record.modelAsked = envelope.model ?? route.modelShown;
    return {
      call,
      envelope,
      route,
      recording,
      cancellation: createCancellation(
        call.signal,
        route.targets[0]?.upstream.config.timeouts.total ?? fallbackTotalMs,
      ),
      editor: {
        modelShown: options.responseModel === "alias" ? route.modelShown : undefined,
        hideUsage: envelope.stream && !envelope.wantsUsage,
        textLimit: options.textLimit,
      },
      onAttempt(target, outcome) {
        recording.record.provider = target.upstream.name;
        recording.record.modelServed = target.model;
        options.onAttempt(target, outcome);
      },
      toGatewayError: (thrown) => toGatewayError(thrown, call.requestId),
    };
  }

  function toGatewayError(thrown: unknown, requestId: string): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    options.onBug(thrown, requestId);
    return internalError(requestId);
  }

  function refuse(call: InferenceCall, recording: Recording, thrown: unknown): Response {
    const error = toGatewayError(thrown, call.requestId);
    const isSilentLimit = error.code === "rate_limit_exceeded" && error.retryAfterSeconds === undefined;
    const told = isSilentLimit ? error.with({ retryAfterSeconds: options.retryAfterSeconds }) : error;
    const response = errorResponse(call.protocol, told, call.requestId);
    const wasSent = recording.record.attempts > 0;
    recording.finish({
      status: statusOf(call.protocol, error),
      endReason: wasSent || error.code === "internal_error" ? endReasonOf(error) : "rejected",
      error,
    });
    return response;
  }

  return {
    active: () => running.items.length,
    stop(reason) {
      for (const { cancellation } of running.items.toReversed()) cancellation.cancel(reason);
    },
    async handle(call) {
      options.onStart();
      let entry: Running | undefined;
      const recording = createRecording({
        call,
        textLimit: options.textLimit,
        onFinish(record) {
          if (entry !== undefined) running.remove(entry);
          options.onFinish(record);
        },
      });
      let endSilence: (() => void) | undefined;
      try {
        const exchange = exchangeOf(call, recording);
        entry = { cancellation: exchange.cancellation, slot: -1 };
        running.add(entry);
        const opening = openWithFailover(exchange);
        if (exchange.envelope.stream) return await answerStream(exchange, opening, options.heartbeatMs);
        endSilence = allowSilence(call);
        return wholeResponse(exchange, await opening);
      } catch (thrown) {
        entry?.cancellation.end();
        return refuse(call, recording, thrown);
      } finally {
        endSilence?.();
      }
    },
  };
}

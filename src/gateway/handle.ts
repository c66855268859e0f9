import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { createBag, type Bagged } from "../lib/bag.ts";
import { bytesOfLatin1, isAscii, latin1Of } from "../lib/latin1.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Operation } from "../telemetry/request-record.ts";
import { responseHeadersFor } from "../transport/headers.ts";
import type { Opened, OpenedStream } from "./attempt.ts";
import type { Admission, Refused } from "./admission.ts";
import { attempt } from "./attempt.ts";
import type { ClientCall, InferenceCall } from "./call.ts";
import { createCancellation, type Cancellation } from "./cancellation.ts";
import { createClientStream, endReasonOf, statusOf } from "./client-stream.ts";
import type { Exchange } from "./exchange.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { openWithFailover } from "./failover.ts";
import { createForwarding, type Forwarding } from "./forwarding.ts";
import { droppedFields, warningsHeader, warningsOf } from "./losses.ts";
import { createRecording, type Recording } from "./recording.ts";
import type { StoredResponses } from "./stored-responses.ts";

export interface Gateway extends Forwarding {
  /** The path of a request. Never rejects: a failure is an answer in the client's own protocol. */
  handle(call: InferenceCall): Promise<Response>;
  readonly responses: StoredResponses;
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
  const all: Record<string, string> = { ...error.headers, ...headers };
  nameRequest(all, protocol, requestId);
  return new Response(body, { status, headers: all });
}

/** An id that the upstream gave stays: its support asks for it. */
function nameRequest(headers: Record<string, string>, { requestIdHeader }: Protocol, requestId: string): void {
  headers["x-request-id"] = requestId;
  if (requestIdHeader !== undefined) headers[requestIdHeader] ??= requestId;
}

function answerHeaders({ call }: Exchange, opened: Opened): Record<string, string> {
  const headers = responseHeadersFor(opened.headers);
  nameRequest(headers, call.protocol, call.requestId);
  if (opened.losses.length > 0) headers[warningsHeader] = warningsOf(opened.losses);
  return headers;
}

/** The headers of a stream that go ahead of its first content: what was sent upstream is known by then. */
function earlyHeaders({ call, losses }: Exchange): Record<string, string> {
  const headers: Record<string, string> = losses.length === 0 ? {} : { [warningsHeader]: warningsOf(losses) };
  nameRequest(headers, call.protocol, call.requestId);
  return headers;
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

function wholeResponse(exchange: Exchange, opened: Opened): Response {
  const { recording, cancellation } = exchange;
  if (opened.kind === "stream") throw new Error("a stream was opened for a request that wants one piece");
  const from = performance.now();
  const headers = answerHeaders(exchange, opened);
  headers["content-type"] = "application/json";
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
  const { call, editor } = exchange;
  const headers: Record<string, string> =
    opening instanceof Promise ? earlyHeaders(exchange) : answerHeaders(exchange, opening);
  headers["content-type"] = call.protocol.streamType(editor.framing ?? "events");
  headers["cache-control"] = "no-cache";
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
    const envelope = call.protocol.peek(latin1Of(call.body), { maxDepth: options.maxJsonDepth }, call.path);
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
        framing: call.path?.isArray === true ? "array" : "events",
      },
      translation: options.translation,
      translated: undefined,
      losses: [],
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

  function refuse({ call, protocol, recording, thrown }: Refused): Response {
    const error = toGatewayError(thrown, call.requestId);
    const isSilentLimit = error.code === "rate_limit_exceeded" && error.retryAfterSeconds === undefined;
    const told = isSilentLimit ? error.with({ retryAfterSeconds: options.retryAfterSeconds }) : error;
    const response = errorResponse(protocol, told, call.requestId);
    const wasSent = recording.record.attempts > 0;
    recording.finish({
      status: statusOf(protocol, error),
      endReason: wasSent || error.code === "internal_error" ? endReasonOf(error) : "rejected",
      error,
    });
    return response;
  }

  /** A record for a request, and its place among the running ones once it can be cancelled. */
  function admit(call: ClientCall, operation: Operation, protocol: string): Admission {
    options.onStart();
    let entry: Running | undefined;
    let isSilent = false;
    const recording = createRecording({
      call,
      operation,
      protocol,
      textLimit: options.textLimit,
      onFinish(record) {
        if (entry !== undefined) running.remove(entry);
        if (isSilent) call.allowSilence(false);
        if (protocol === "openai-responses" && record.upstreamId !== undefined)
          options.translation.responses.claim(record.upstreamId, record.keyId);
        options.onFinish(record);
      },
    });
    return {
      recording,
      run(cancellation) {
        entry = { cancellation, slot: -1 };
        running.add(entry);
      },
      end: () => entry?.cancellation.end(),
      allowSilence() {
        isSilent = true;
        call.allowSilence(true);
      },
    };
  }

  function tellDropped({ call, recording }: Exchange, { losses }: Opened, upstream: string): void {
    if (losses.length === 0) return;
    recording.record.dropped = droppedFields(losses);
    options.onDropped({ client: call.protocol.id, upstream, count: losses.length });
  }

  const forwarding = createForwarding({ ...options, admit, refuse, toGatewayError });

  return {
    ...forwarding,
    responses: options.translation.responses,
    active: () => running.items.length,
    stop(reason) {
      for (const { cancellation } of running.items.toReversed()) cancellation.cancel(reason);
    },
    async handle(call) {
      const { protocol } = call;
      const admission = admit(call, protocol.operation, protocol.id);
      const { recording } = admission;
      let endSilence: (() => void) | undefined;
      try {
        const exchange = exchangeOf(call, recording);
        admission.run(exchange.cancellation);
        const opening = openWithFailover(exchange, async (candidate) => {
          const opened = await attempt(exchange, candidate);
          tellDropped(exchange, opened, candidate.target.upstream.name);
          return opened;
        });
        if (exchange.envelope.stream) {
          // Without heart-beats only the upstream's own limits hold.
          if (protocol.heartbeat === "") admission.allowSilence();
          return await answerStream(exchange, opening, options.heartbeatMs);
        }
        endSilence = allowSilence(call);
        return wholeResponse(exchange, await opening);
      } catch (thrown) {
        admission.end();
        return refuse({ call, protocol, recording, thrown });
      } finally {
        endSilence?.();
      }
    },
  };
}

import type { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { bytesOfLatin1, isAscii } from "../lib/latin1.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { responseHeadersFor } from "../transport/headers.ts";
import type { Opened, OpenedStream } from "./attempt.ts";
import type { InferenceCall } from "./call.ts";
import { createClientStream } from "./client-stream.ts";
import type { Exchange } from "./exchange.ts";
import { warningsHeader, warningsOf } from "./losses.ts";
import type { Recording } from "./recording.ts";

/** Bun closes a connection that is silent for longer; a quiet answer in one piece asks for more time before. */
const silenceAfterMs = 30_000;
interface ErrorContext {
  requestId: string;
  /** Further headers. */
  headers?: Record<string, string> | undefined;
}

export function errorResponse(protocol: Protocol, error: GatewayError, context: ErrorContext): Response {
  const { status, body, headers } = protocol.error.encode(error);
  const all: Record<string, string> = { ...error.headers, ...headers, ...context.headers };
  nameRequest(all, protocol, context.requestId);
  return new Response(body, { status, headers: all });
}

/** An id that the upstream gave stays: its support asks for it. */
function nameRequest(headers: Record<string, string>, { requestIdHeader }: Protocol, requestId: string): void {
  headers["x-request-id"] = requestId;
  if (requestIdHeader !== undefined) headers[requestIdHeader] ??= requestId;
}

/** Who gave the answer, and after how many requests upstream. */
export function nameRouting(headers: Record<string, string>, { record }: Recording): void {
  if (record.provider !== undefined) headers["x-orcestator-provider"] = record.provider;
  headers["x-orcestator-attempts"] = String(record.attempts);
}

function answerHeaders({ call, routing, recording }: Exchange, opened: Opened): Record<string, string> {
  const headers = responseHeadersFor(opened.headers);
  nameRequest(headers, call.protocol, call.requestId);
  if (routing.showsRouting) nameRouting(headers, recording);
  if (opened.losses.length > 0) headers[warningsHeader] = warningsOf(opened.losses);
  return headers;
}

function queueText({ position, etaMs }: NonNullable<Exchange["queued"]>): string {
  return etaMs === undefined ? `position=${position}` : `position=${position}; eta=${Math.ceil(etaMs / 1000)}`;
}

/** The headers of a stream that go ahead of its first content: what was sent upstream is known by then. */
function earlyHeaders({ call, losses, queued }: Exchange): Record<string, string> {
  const headers: Record<string, string> = losses.length === 0 ? {} : { [warningsHeader]: warningsOf(losses) };
  if (queued !== undefined) headers["x-orcestator-queue"] = queueText(queued);
  nameRequest(headers, call.protocol, call.requestId);
  return headers;
}

/** Lets the client's connection be silent while an answer in one piece takes its time; returns how to end that. */
export function allowSilence(call: InferenceCall): () => void {
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

export function wholeResponse(exchange: Exchange, opened: Opened): Response {
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
export async function answerStream(
  exchange: Exchange,
  opening: Promise<Opened>,
  heartbeatMs: number,
): Promise<Response> {
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

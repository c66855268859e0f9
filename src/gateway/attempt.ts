import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { applyEdits } from "../lib/json-edit.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import type { Observation, StreamEditor } from "../protocols/protocol.ts";
import type { LocalRequest } from "../providers/provider.ts";
import { type ReadableHeaders, requestHeadersFor, responseHeadersFor } from "../transport/headers.ts";
import { readAll, readShort, replyOfBytes, replyOfResponse, type UpstreamReply } from "../transport/reply.ts";
import { failureOfSend, sendUpstream } from "../transport/send.ts";
import type { Candidate, Exchange } from "./exchange.ts";
import { laneOf } from "./lane.ts";
import { hopsHeader, nextHops } from "./loop.ts";
import { withoutSecret } from "./without-secret.ts";

/** An upstream that has answered in one piece. */
export interface OpenedAnswer {
  kind: "answer";
  headers: ReadableHeaders;
  output: string;
  observation: Observation;
}

/** An upstream that has begun to answer: with the first content of a stream. */
export interface OpenedStream {
  kind: "stream";
  headers: ReadableHeaders;
  reply: UpstreamReply;
  editor: StreamEditor;
  stop: StopSignal;
  host: string;
  /** Longest silence of this upstream. */
  idleMs: number;
  /** Never told to anybody, also not when the upstream quotes it in an error. */
  credential: string | undefined;
  /** What came before and with the first content. */
  held: string;
}

export type Opened = OpenedAnswer | OpenedStream;

/** More than this before the first content is passed on as it is. */
const mostHeld = 64 * 1024;
const longestErrorBody = 64 * 1024;
/** An answer in one piece is held in memory whole. */
const largestAnswer = 64 * 1024 * 1024;

function invalidAnswer(host: string, what: string): GatewayError {
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message: `The upstream ${host} ${what}` });
}

/** One request upstream, and where it went. */
interface Sent {
  exchange: Exchange;
  stop: StopSignal;
  host: string;
  idleMs: number;
  credential: string | undefined;
}

function bodyFor({ envelope, editor }: Exchange, model: string): string {
  return applyEdits(envelope.text, envelope.edits({ model, injectUsage: editor.hideUsage }));
}

function headersFor({ call, envelope }: Exchange, { target, credential }: Candidate): Record<string, string> {
  const { provider, config } = target.upstream;
  const headers = requestHeadersFor(call.headers);
  Object.assign(headers, config.headers);
  headers["content-type"] = "application/json";
  headers["accept"] = envelope.stream ? "text/event-stream" : "application/json";
  headers["accept-encoding"] = "identity";
  headers["user-agent"] ??= "orcestator";
  headers[hopsHeader] = nextHops(call.headers);
  provider.authorize(headers, credential);
  return headers;
}

/** What the network did, in the house's words. Only I/O goes through here: a bug must not look like a broken connection. */
async function io<T>(pending: Promise<T>, { stop, host }: Sent): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    throw failureOfSend(error, stop, host);
  }
}

function send(sent: Sent, candidate: Candidate): Promise<UpstreamReply> {
  const { exchange, stop } = sent;
  const { upstream, model } = candidate.target;
  const body = bodyFor(exchange, model);
  const headers = headersFor(exchange, candidate);
  const { timeouts, proxy } = upstream.config;
  exchange.recording.sent();
  const destination = upstream.destination(exchange.call.protocol.id);
  return sendUpstream({
    destination,
    method: "POST",
    headers,
    body,
    stop,
    connectMs: timeouts.connect,
    proxy,
    ca: upstream.ca,
  });
}

/** For a provider without a network. */
function localRequest({ exchange, stop }: Sent, { target }: Candidate): LocalRequest {
  const body = bytesOfLatin1(bodyFor(exchange, target.model));
  exchange.recording.sent();
  return { body, stop };
}

async function refusal(reply: UpstreamReply, { exchange, host }: Sent): Promise<GatewayError> {
  if (reply.status >= 300 && reply.status < 400) {
    reply.cancel();
    return invalidAnswer(host, `answered with a redirect (${reply.status}); check the provider's baseUrl.`);
  }
  const { status, headers } = reply;
  const body = await readShort(reply, longestErrorBody);
  const error = exchange.call.protocol.error.decode({ status, headers, body });
  return error.with({ headers: responseHeadersFor(headers) });
}

function answerOf(body: Uint8Array, { headers }: UpstreamReply, { exchange }: Sent): OpenedAnswer {
  const { protocol } = exchange.call;
  const { output, failure, observation } = protocol.editAnswer(latin1Of(body), exchange.editor);
  if (failure !== undefined) throw failure;
  return { kind: "answer", headers, output, observation };
}

/** Reads a stream up to its first content, so that whatever fails before can still be tried elsewhere. */
async function openStream(reply: UpstreamReply, sent: Sent): Promise<Opened> {
  const { exchange, stop, host, idleMs, credential } = sent;
  const editor = exchange.call.protocol.createStreamEditor(exchange.editor);
  let held = "";
  try {
    while (!editor.hasContent() && held.length <= mostHeld && !editor.isEnded()) {
      const piece = await io(reply.read(), sent);
      const step = piece === undefined ? editor.end() : editor.push(latin1Of(piece));
      if (step.failure !== undefined) throw step.failure;
      held += step.output;
      if (piece === undefined) break;
    }
    if (!editor.hasContent() && held.length <= mostHeld && !editor.isComplete()) throw endedEarly(host);
  } catch (error) {
    reply.cancel();
    throw error;
  }
  return { kind: "stream", headers: reply.headers, reply, editor, stop, host, idleMs, credential, held };
}

export function endedEarly(host: string): GatewayError {
  const message = `The upstream ${host} ended its answer before it was complete.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

/** Whether the answer comes as events. Throws GatewayError for one that is no answer. */
function isEventStream(reply: UpstreamReply, { exchange, host }: Sent): boolean {
  const type = reply.headers.get("content-type")?.toLowerCase() ?? "";
  const isEvents = type.includes("text/event-stream");
  if (isEvents && exchange.envelope.stream) return true;
  if (!isEvents && !type.includes("text/html")) return false;
  reply.cancel();
  if (isEvents) throw invalidAnswer(host, "answered with a stream that was not asked for.");
  throw invalidAnswer(host, "answered with a web page; check the provider's baseUrl.");
}

/** The upstream ignored `stream`: the client still gets what it asked for. */
function openAsStream({ output, headers }: OpenedAnswer, sent: Sent): Promise<Opened> {
  const text = sent.exchange.call.protocol.streamOf(output);
  return openStream(replyOfBytes(bytesOfLatin1(text), headers), sent);
}

function tooSlow(host: string, firstByteMs: number): GatewayError {
  const message = `The upstream ${host} sent nothing of an answer within ${firstByteMs} ms (timeouts.firstByte).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true });
}

/** One try: one target, one credential. Rejects with GatewayError; nothing of its answer is left open then. */
export async function attempt(exchange: Exchange, candidate: Candidate): Promise<Opened> {
  const { upstream } = candidate.target;
  const { provider } = upstream;
  const stop = exchange.cancellation.begin();
  const { host } = upstream.destination(exchange.call.protocol.id);
  const { firstByte, idle } = upstream.config.timeouts;
  const sent: Sent = { exchange, stop, host, idleMs: idle, credential: candidate.credential };
  const callOff = exchange.envelope.stream
    ? alarms.set(firstByte, () => stop.stop(tooSlow(host, firstByte)))
    : undefined;
  try {
    if (laneOf(exchange.call.protocol, provider) === undefined) {
      throw invalidAnswer(host, `does not speak ${exchange.call.protocol.id}.`);
    }
    const reply =
      provider.respond === undefined
        ? await send(sent, candidate)
        : replyOfResponse(await provider.respond(localRequest(sent, candidate)));
    if (reply.status < 200 || reply.status >= 300) throw await refusal(reply, sent);
    if (isEventStream(reply, sent)) return await openStream(reply, sent);
    // Nearly always all of it came with its head: then nothing has to be waited for.
    const body = reply.whole?.() ?? (await io(readAll(reply, largestAnswer), sent));
    const answer = answerOf(body, reply, sent);
    return exchange.envelope.stream ? await openAsStream(answer, sent) : answer;
  } catch (error) {
    throw withoutSecret(stop.reason() ?? error, candidate.credential);
  } finally {
    callOff?.();
  }
}

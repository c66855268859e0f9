import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { applyEdits } from "../lib/json-edit.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import type { Observation, StreamEditor } from "../protocols/protocol.ts";
import { requestHeadersFor, responseHeadersFor } from "../transport/headers.ts";
import { readAll, readShort, replyOfBytes, replyOfResponse, type UpstreamReply } from "../transport/reply.ts";
import { failureOfSend, sendUpstream } from "../transport/send.ts";
import type { Candidate, Exchange } from "./exchange.ts";
import { laneOf } from "./lane.ts";
import { hopsHeader, nextHops } from "./loop.ts";
import { withoutSecret } from "./without-secret.ts";

/** An upstream that has begun to answer: with everything, or with the first content of a stream. */
export type Opened =
  | { kind: "answer"; headers: Headers; output: string; observation: Observation }
  | {
      kind: "stream";
      headers: Headers;
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
    };

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

function bodyFor({ envelope, editor }: Exchange, model: string): Uint8Array<ArrayBuffer> {
  const edits = envelope.edits({ model, injectUsage: editor.hideUsage });
  return bytesOfLatin1(applyEdits(envelope.text, edits));
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
  const { exchange, stop, host } = sent;
  const { call, recording } = exchange;
  const { upstream, model } = candidate.target;
  if (laneOf(call.protocol, upstream.provider) === undefined) {
    throw invalidAnswer(host, `does not speak ${call.protocol.id}.`);
  }
  const body = bodyFor(exchange, model);
  if (upstream.provider.respond !== undefined) {
    recording.sent();
    return upstream.provider.respond({ body, stop }).then(replyOfResponse);
  }
  const headers = headersFor(exchange, candidate);
  const { timeouts, proxy } = upstream.config;
  recording.sent();
  const destination = upstream.destination(call.protocol.id);
  const pending = sendUpstream({
    destination,
    method: "POST",
    headers,
    body,
    stop,
    connectMs: timeouts.connect,
    proxy,
    ca: upstream.ca,
  });
  return io(pending, sent);
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

async function openAnswer(reply: UpstreamReply, sent: Sent): Promise<Extract<Opened, { kind: "answer" }>> {
  const text = latin1Of(await io(readAll(reply, largestAnswer), sent));
  const { output, failure, observation } = sent.exchange.call.protocol.editAnswer(text, sent.exchange.editor);
  if (failure !== undefined) throw failure;
  return { kind: "answer", headers: reply.headers, output, observation };
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

async function open(reply: UpstreamReply, sent: Sent): Promise<Opened> {
  const { exchange, host } = sent;
  const type = reply.headers.get("content-type")?.toLowerCase() ?? "";
  if (!type.includes("text/event-stream")) return openOther(reply, sent, type);
  if (exchange.envelope.stream) return openStream(reply, sent);
  reply.cancel();
  throw invalidAnswer(host, "answered with a stream that was not asked for.");
}

async function openOther(reply: UpstreamReply, sent: Sent, type: string): Promise<Opened> {
  const { exchange, host } = sent;
  if (type.includes("text/html")) {
    reply.cancel();
    throw invalidAnswer(host, "answered with a web page; check the provider's baseUrl.");
  }
  const opened = await openAnswer(reply, sent);
  if (!exchange.envelope.stream) return opened;
  // The upstream ignored `stream`: the client still gets what it asked for.
  const { headers } = opened;
  const text = exchange.call.protocol.streamOf(opened.output);
  return openStream(replyOfBytes(bytesOfLatin1(text), headers), sent);
}

function tooSlow(host: string, firstByteMs: number): GatewayError {
  const message = `The upstream ${host} sent nothing of an answer within ${firstByteMs} ms (timeouts.firstByte).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true });
}

/** One try: one target, one credential. Rejects with GatewayError; nothing of its answer is left open then. */
export async function attempt(exchange: Exchange, candidate: Candidate): Promise<Opened> {
  const { upstream } = candidate.target;
  const stop = exchange.cancellation.begin();
  const { host } = upstream.destination(exchange.call.protocol.id);
  const { firstByte, idle } = upstream.config.timeouts;
  const sent: Sent = { exchange, stop, host, idleMs: idle, credential: candidate.credential };
  const callOff = exchange.envelope.stream
    ? alarms.set(firstByte, () => stop.stop(tooSlow(host, firstByte)))
    : undefined;
  try {
    const reply = await send(sent, candidate);
    if (reply.status < 200 || reply.status >= 300) throw await refusal(reply, sent);
    return await open(reply, sent);
  } catch (error) {
    throw withoutSecret(stop.reason() ?? error, candidate.credential);
  } finally {
    callOff?.();
  }
}

import { GatewayError, withoutSecret } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import type { Loss } from "../protocols/canonical/conversation.ts";
import type { Observation, StreamEditor } from "../protocols/protocol.ts";
import type { LocalRequest } from "../providers/provider.ts";
import { withParameters } from "../protocols/parameters/index.ts";
import type { Destination } from "../transport/destination.ts";
import { type ReadableHeaders, requestHeadersFor } from "../transport/headers.ts";
import { readAll, replyOfBytes, replyOfResponse, type UpstreamReply } from "../transport/reply.ts";
import { failureOfSend, sendUpstream } from "../transport/send.ts";
import type { Candidate, Exchange } from "./exchange.ts";
import { hopsHeader, nextHops } from "./loop.ts";
import { withoutOwnModels } from "./own-models.ts";
import { createPassage, type Passage } from "./passage.ts";
import { invalidAnswer, largestAnswer, readRefusal } from "./refusal.ts";
import { ofThisTarget } from "./target-refusal.ts";

/** An upstream that has answered in one piece. */
export interface OpenedAnswer {
  kind: "answer";
  headers: ReadableHeaders;
  output: string;
  observation: Observation;
  losses: readonly Loss[];
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
  /** Longest time without further content. */
  progressMs: number;
  /** Never told to anybody, also not when the upstream quotes it in an error. */
  credential: string | undefined;
  /** What came before and with the first content. */
  held: string;
  losses: readonly Loss[];
}

export type Opened = OpenedAnswer | OpenedStream;

/** More than this before the first content is passed on as it is. */
const mostHeld = 64 * 1024;

/** One request upstream, and where it went. */
interface Sent {
  exchange: Exchange;
  passage: Passage;
  stop: StopSignal;
  host: string;
  idleMs: number;
  progressMs: number;
  credential: string | undefined;
  /** Something is left to turn to. */
  hasMore: boolean;
}

/** A content type without its parameters. */
function mediaType(contentType: string): string {
  const end = contentType.indexOf(";");
  return end === -1 ? contentType : contentType.slice(0, end);
}

function headersFor({ exchange, passage }: Sent, { target, credential }: Candidate): Record<string, string> {
  const { call, envelope } = exchange;
  const { provider, config } = target.upstream;
  const headers = requestHeadersFor(call.headers);
  Object.assign(headers, config.headers);
  headers["content-type"] = "application/json";
  headers["accept"] = envelope.stream ? mediaType(passage.protocol.streamType("events")) : "application/json";
  headers["accept-encoding"] = "identity";
  headers["user-agent"] ??= "orcestator";
  headers[hopsHeader] = nextHops(call.headers);
  // Whoever serves this protocol may ask for its version.
  if (passage.protocol.id === "anthropic-messages") headers["anthropic-version"] ??= "2023-06-01";
  provider.authorize(headers, credential.key);
  return headers;
}

function destinationOf({ envelope }: Exchange, { target }: Candidate, { protocol }: Passage): Destination {
  return target.upstream.destination({ protocol: protocol.id, model: target.model, stream: envelope.stream });
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
  const { exchange, passage, stop } = sent;
  const { upstream } = candidate.target;
  const headers = headersFor(sent, candidate);
  const { timeouts, proxy } = upstream.config;
  const body = bodyFor(sent, candidate);
  exchange.recording.sent();
  const destination = destinationOf(exchange, candidate, passage);
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

/** The request's body (latin1), with what the configuration changes about it. */
function bodyFor({ exchange, passage }: Sent, { target }: Candidate): string {
  const { protocol, body } = passage;
  const own = withoutOwnModels(body, protocol.id, exchange);
  return target.parameters === undefined ? own : withParameters(own, protocol.id, target.parameters);
}

/** For a provider without a network. */
function localRequest(sent: Sent, candidate: Candidate): LocalRequest {
  const body = bytesOfLatin1(bodyFor(sent, candidate));
  sent.exchange.recording.sent();
  return { body, stop: sent.stop };
}

function answerOf(text: string, { headers }: UpstreamReply, sent: Sent): OpenedAnswer {
  const { passage } = sent;
  const { output, failure, observation } = passage.editAnswer(text);
  if (failure !== undefined) throw failure;
  refuseEmpty(sent, observation);
  return { kind: "answer", headers, output, observation, losses: passage.losses };
}

/** Words of all protocols for an answer that ended by itself; cut and filtered ones may well be empty. */
const ordinaryFinish = /^(?:stop|end_turn|completed|load)?$/i;

/** An answer without any content is tried elsewhere, as long as there is an elsewhere. */
function refuseEmpty({ exchange, host, hasMore }: Sent, { contentEvents, finishReason = "" }: Observation): void {
  if (contentEvents > 0 || !hasMore || !exchange.routing.triesEmptyAnswers) return;
  if (!ordinaryFinish.test(finishReason)) return;
  const message = `The upstream ${host} gave an empty answer.`;
  throw new GatewayError({ code: "upstream_empty_answer", status: 502, message });
}

/** Reads a stream up to its first content, so that whatever fails before can still be tried elsewhere. */
async function openStream(reply: UpstreamReply, sent: Sent): Promise<Opened> {
  const { passage, stop, host, idleMs, progressMs, credential } = sent;
  const editor = passage.createStreamEditor();
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
    if (held.length <= mostHeld) refuseEmpty(sent, editor.observation);
  } catch (error) {
    reply.cancel();
    throw error;
  }
  const { losses } = passage;
  const { headers } = reply;
  return { kind: "stream", headers, reply, editor, stop, host, idleMs, progressMs, credential, held, losses };
}

export function endedEarly(host: string): GatewayError {
  const message = `The upstream ${host} ended its answer before it was complete.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

/** Whether the answer comes as events. Throws GatewayError for one that is no answer. */
function isEventStream(reply: UpstreamReply, { exchange, host }: Sent): boolean {
  const type = reply.headers.get("content-type")?.toLowerCase() ?? "";
  const isEvents = type.includes("text/event-stream") || type.includes("ndjson");
  if (isEvents && exchange.envelope.stream) return true;
  if (!isEvents && !type.includes("text/html")) return false;
  reply.cancel();
  if (isEvents) throw invalidAnswer(host, "answered with a stream that was not asked for.");
  throw invalidAnswer(host, "answered with a web page; check the provider's baseUrl.");
}

/** The upstream ignored `stream`: the client still gets what it asked for. */
function openAsStream(text: string, { headers }: OpenedAnswer, sent: Sent): Promise<Opened> {
  const stream = sent.passage.protocol.streamOf(text);
  return openStream(replyOfBytes(bytesOfLatin1(stream), headers), sent);
}

const noHeaders = new Headers();

/** An answer that needs no upstream. */
function openImmediate(sent: Sent): Opened | Promise<Opened> {
  if (sent.exchange.envelope.stream) return openStream(replyOfBytes(Buffer.of(10), noHeaders), sent);
  const { output, observation } = sent.passage.editAnswer("");
  return { kind: "answer", headers: noHeaders, output, observation, losses: [] };
}

function tooSlow(host: string, milliseconds: number, setting: "firstByte" | "answer"): GatewayError {
  const what = setting === "firstByte" ? "sent nothing of an answer" : "sent no whole answer";
  const message = `The upstream ${host} ${what} within ${milliseconds} ms (timeouts.${setting}).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true });
}

/** An answer in one piece may take as long as it will where nobody else could give it. */
function limitBeginning({ exchange, stop, host, hasMore }: Sent, { target }: Candidate): (() => void) | undefined {
  const { firstByte, answer } = target.upstream.config.timeouts;
  if (exchange.envelope.stream) return alarms.set(firstByte, () => stop.stop(tooSlow(host, firstByte, "firstByte")));
  return hasMore ? alarms.set(answer, () => stop.stop(tooSlow(host, answer, "answer"))) : undefined;
}

/** The way to a target. Throws GatewayError where the request cannot be said to it. */
function passageTo(exchange: Exchange, { target }: Candidate): Passage {
  try {
    const passage = createPassage(exchange, target);
    exchange.losses = passage.losses;
    exchange.recording.record.lane = passage.lane;
    return passage;
  } catch (thrown) {
    throw ofThisTarget(thrown);
  }
}

/** One try: one target, one credential. Rejects with GatewayError; nothing of its answer is left open then. */
export async function attempt(exchange: Exchange, candidate: Candidate): Promise<Opened> {
  const { upstream } = candidate.target;
  const { provider } = upstream;
  const { stop, hasMore } = candidate;
  const passage = passageTo(exchange, candidate);
  const { host } = destinationOf(exchange, candidate, passage);
  const { idle: idleMs, progress: progressMs } = upstream.config.timeouts;
  const credential = candidate.credential.key;
  const sent: Sent = { exchange, passage, stop, host, idleMs, progressMs, credential, hasMore };
  const callOff = limitBeginning(sent, candidate);
  try {
    if (passage.immediate !== undefined) return await openImmediate(sent);
    const reply =
      provider.respond === undefined
        ? await send(sent, candidate)
        : replyOfResponse(await provider.respond(localRequest(sent, candidate)));
    if (reply.status < 200 || reply.status >= 300) throw await readRefusal(reply, { protocol: passage.protocol, host });
    if (isEventStream(reply, sent)) return await openStream(reply, sent);
    // Nearly always all of it came with its head: then nothing has to be waited for.
    const text = latin1Of(reply.whole?.() ?? (await io(readAll(reply, largestAnswer), sent)));
    const answer = answerOf(text, reply, sent);
    return exchange.envelope.stream ? await openAsStream(text, answer, sent) : answer;
  } catch (error) {
    // What the upstream has said by its status stands, also when the rest of it did not come in time.
    const isSaid = error instanceof GatewayError && error.details?.["upstreamStatus"] !== undefined;
    throw withoutSecret(isSaid ? error : (stop.reason() ?? error), credential);
  } finally {
    callOff?.();
  }
}

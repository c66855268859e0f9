import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { applyEdits } from "../lib/json-edit.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import type { Observation, StreamEditor } from "../protocols/protocol.ts";
import { requestHeadersFor, responseHeadersFor } from "../transport/headers.ts";
import { discardBody, failureOfSend, readShortBody, sendUpstream } from "../transport/send.ts";
import type { Candidate, Exchange } from "./exchange.ts";
import { laneOf } from "./lane.ts";

/** An upstream that has begun to answer: with everything, or with the first content of a stream. */
export type Opened =
  | { kind: "answer"; headers: Headers; output: string; observation: Observation }
  | {
      kind: "stream";
      headers: Headers;
      reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
      editor: StreamEditor;
      controller: AbortController;
      host: string;
      /** Longest silence of this upstream. */
      idleMs: number;
      /** What came before and with the first content. */
      held: string;
    };

/** More than this before the first content is passed on as it is. */
const mostHeld = 64 * 1024;
const longestErrorBody = 64 * 1024;

function invalidAnswer(host: string, what: string): GatewayError {
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message: `The upstream ${host} ${what}` });
}

/** One request upstream, and where it went. */
interface Sent {
  exchange: Exchange;
  controller: AbortController;
  host: string;
  idleMs: number;
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
  headers["user-agent"] = "orcestator";
  provider.authorize(headers, credential);
  return headers;
}

function send({ exchange, controller, host }: Sent, candidate: Candidate): Promise<Response> {
  const { call, recording } = exchange;
  const { upstream, model } = candidate.target;
  if (laneOf(call.protocol, upstream.provider) === undefined) {
    throw invalidAnswer(host, `does not speak ${call.protocol.id}.`);
  }
  const body = bodyFor(exchange, model);
  if (upstream.provider.respond !== undefined) {
    recording.sent();
    return upstream.provider.respond({ body, signal: controller.signal });
  }
  const headers = headersFor(exchange, candidate);
  const { timeouts, proxy } = upstream.config;
  recording.sent();
  const destination = upstream.destination(call.protocol.id);
  return sendUpstream({
    destination,
    method: "POST",
    headers,
    body,
    controller,
    connectMs: timeouts.connect,
    proxy,
    ca: upstream.ca,
  });
}

async function refusal(response: Response, { exchange, host }: Sent): Promise<GatewayError> {
  if (response.status >= 300 && response.status < 400) {
    await discardBody(response);
    return invalidAnswer(host, `answered with a redirect (${response.status}); check the provider's baseUrl.`);
  }
  const body = await readShortBody(response, longestErrorBody);
  const error = exchange.call.protocol.error.decode({ status: response.status, headers: response.headers, body });
  return error.with({ headers: responseHeadersFor(response.headers) });
}

async function openAnswer(response: Response, { exchange }: Sent): Promise<Extract<Opened, { kind: "answer" }>> {
  const text = latin1Of(await response.bytes());
  const { output, failure, observation } = exchange.call.protocol.editAnswer(text, exchange.editor);
  if (failure !== undefined) throw failure;
  return { kind: "answer", headers: response.headers, output, observation };
}

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

/** Reads a stream up to its first content, so that whatever fails before can still be tried elsewhere. */
async function openStream(body: Body, headers: Headers, { exchange, controller, host, idleMs }: Sent): Promise<Opened> {
  const editor = exchange.call.protocol.createStreamEditor(exchange.editor);
  const reader = body.getReader();
  let held = "";
  try {
    while (!editor.hasContent() && held.length <= mostHeld && !editor.isEnded()) {
      const { done, value } = await reader.read();
      const step = done ? editor.end() : editor.push(latin1Of(value));
      if (step.failure !== undefined) throw step.failure;
      held += step.output;
      if (done) break;
    }
    if (!editor.hasContent() && held.length <= mostHeld && !editor.isComplete()) throw endedEarly(host);
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error;
  }
  return { kind: "stream", headers, reader, editor, controller, host, idleMs, held };
}

export function endedEarly(host: string): GatewayError {
  const message = `The upstream ${host} ended its answer before it was complete.`;
  return new GatewayError({ code: "upstream_error", status: 502, message, retryable: true });
}

async function open(response: Response, sent: Sent): Promise<Opened> {
  const { exchange, host } = sent;
  const type = response.headers.get("content-type")?.toLowerCase() ?? "";
  if (!type.includes("text/event-stream")) return openOther(response, sent, type);
  if (exchange.envelope.stream && response.body !== null) return openStream(response.body, response.headers, sent);
  await discardBody(response);
  throw invalidAnswer(host, "answered with a stream that was not asked for.");
}

async function openOther(response: Response, sent: Sent, type: string): Promise<Opened> {
  const { exchange, host } = sent;
  if (type.includes("text/html")) {
    await discardBody(response);
    throw invalidAnswer(host, "answered with a web page; check the provider's baseUrl.");
  }
  const opened = await openAnswer(response, sent);
  if (!exchange.envelope.stream) return opened;
  // The upstream ignored `stream`: the client still gets what it asked for.
  const text = exchange.call.protocol.streamOf(opened.output);
  const { body } = new Response(bytesOfLatin1(text));
  if (body === null) throw endedEarly(host);
  return openStream(body, opened.headers, sent);
}

function tooSlow(host: string, firstByteMs: number): GatewayError {
  const message = `The upstream ${host} sent nothing of an answer within ${firstByteMs} ms (timeouts.firstByte).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true });
}

/** One try: one target, one credential. Rejects with GatewayError; nothing of its answer is left open then. */
export async function attempt(exchange: Exchange, candidate: Candidate): Promise<Opened> {
  const { upstream } = candidate.target;
  const controller = exchange.cancellation.begin();
  const { host } = upstream.destination(exchange.call.protocol.id);
  const { firstByte, idle } = upstream.config.timeouts;
  const sent: Sent = { exchange, controller, host, idleMs: idle };
  const callOff = exchange.envelope.stream
    ? alarms.set(firstByte, () => controller.abort(tooSlow(host, firstByte)))
    : undefined;
  try {
    const response = await send(sent, candidate);
    if (response.status < 200 || response.status >= 300) throw await refusal(response, sent);
    return await open(response, sent);
  } catch (error) {
    throw failureOfSend(error, controller.signal, host);
  } finally {
    callOff?.();
  }
}

import { GatewayError } from "../errors.ts";
import { applyEdits } from "../lib/json-edit.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import type { EditorOptions, Envelope, Observation, StreamEditor } from "../protocols/protocol.ts";
import type { Target } from "../routing/model-table.ts";
import { requestHeadersFor } from "../transport/headers.ts";
import { discardBody, failureOfSend, readShortBody, sendUpstream } from "../transport/send.ts";
import type { InferenceCall } from "./call.ts";
import { laneOf } from "./lane.ts";

export interface AttemptOptions {
  call: InferenceCall;
  envelope: Envelope;
  target: Target;
  credential: string | undefined;
  controller: AbortController;
  editor: EditorOptions;
  /** Called with `performance.now()` when the request goes out. */
  onSend: () => void;
}

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
      /** What came before and with the first content. */
      held: string;
    };

/** More than this before the first content is passed on as it is. */
const mostHeld = 64 * 1024;
const longestErrorBody = 64 * 1024;

function invalidAnswer(host: string, what: string): GatewayError {
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message: `The upstream ${host} ${what}` });
}

function send({ call, envelope, target, credential, controller, editor, onSend }: AttemptOptions): Promise<Response> {
  const { upstream } = target;
  const url = upstream.provider.endpoint(upstream.config.baseUrl, call.protocol.id);
  if (laneOf(call.protocol, upstream.provider) === undefined) {
    throw invalidAnswer(url.host, `does not speak ${call.protocol.id}.`);
  }
  const body = bytesOfLatin1(
    applyEdits(envelope.text, envelope.edits({ model: target.model, injectUsage: editor.hideUsage })),
  );
  if (upstream.provider.respond !== undefined) {
    onSend();
    return upstream.provider.respond({ body, signal: controller.signal });
  }
  const headers = requestHeadersFor(call.headers);
  Object.assign(headers, upstream.config.headers);
  headers["content-type"] = "application/json";
  headers["accept"] = envelope.stream ? "text/event-stream" : "application/json";
  headers["accept-encoding"] = "identity";
  headers["user-agent"] = "orcestator";
  upstream.provider.authorize(headers, credential);
  onSend();
  const { timeouts, proxy } = upstream.config;
  return sendUpstream({
    url,
    method: "POST",
    headers,
    body,
    controller,
    connectMs: timeouts.connect,
    proxy,
    ca: upstream.ca,
  });
}

async function refusal(response: Response, { call }: AttemptOptions, host: string): Promise<GatewayError> {
  if (response.status >= 300 && response.status < 400) {
    await discardBody(response);
    return invalidAnswer(host, `answered with a redirect (${response.status}); check the provider's baseUrl.`);
  }
  const body = await readShortBody(response, longestErrorBody);
  return call.protocol.error.decode({ status: response.status, headers: response.headers, body });
}

async function openAnswer(response: Response, options: AttemptOptions): Promise<Opened> {
  const text = latin1Of(await response.bytes());
  const { output, failure, observation } = options.call.protocol.editAnswer(text, options.editor);
  if (failure !== undefined) throw failure;
  return { kind: "answer", headers: response.headers, output, observation };
}

/** Reads a stream up to its first content, so that whatever fails before can still be tried elsewhere. */
async function openStream(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  response: Response,
  options: AttemptOptions,
  host: string,
): Promise<Opened> {
  const editor = options.call.protocol.createStreamEditor(options.editor);
  const reader = body.getReader();
  let held = "";
  try {
    while (!editor.hasContent() && held.length <= mostHeld && !editor.isEnded()) {
      const { done, value } = await reader.read();
      const step = done ? editor.end() : editor.push(latin1Of(value));
      if (step.failure !== undefined) throw step.failure;
      held += step.output;
      if (!done) continue;
      if (!editor.isComplete()) throw endedEarly(host);
      break;
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw failureOfSend(error, options.controller.signal, host);
  }
  return { kind: "stream", headers: response.headers, reader, editor, controller: options.controller, host, held };
}

export function endedEarly(host: string): GatewayError {
  return new GatewayError({
    code: "upstream_error",
    status: 502,
    message: `The upstream ${host} ended its answer before it was complete.`,
    retryable: true,
  });
}

/** One try: one target, one credential. Rejects with GatewayError; nothing of its answer is left open then. */
export async function attempt(options: AttemptOptions): Promise<Opened> {
  const { envelope, target, controller } = options;
  const host = target.upstream.provider.endpoint(target.upstream.config.baseUrl, options.call.protocol.id).host;
  const { firstByte } = target.upstream.config.timeouts;
  const timer = envelope.stream ? setTimeout(() => controller.abort(tooSlow(host, firstByte)), firstByte) : undefined;
  try {
    const response = await send(options);
    if (response.status < 200 || response.status >= 300) throw await refusal(response, options, host);
    return await open(response, options, host);
  } catch (error) {
    throw failureOfSend(error, controller.signal, host);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(host: string, firstByteMs: number): GatewayError {
  const message = `The upstream ${host} sent nothing of an answer within ${firstByteMs} ms (timeouts.firstByte).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message, retryable: true });
}

async function open(response: Response, options: AttemptOptions, host: string): Promise<Opened> {
  const type = response.headers.get("content-type")?.toLowerCase() ?? "";
  const isEventStream = type.includes("text/event-stream");
  if (isEventStream && options.envelope.stream && response.body !== null)
    return openStream(response.body, response, options, host);
  if (isEventStream || type.includes("text/html")) {
    await discardBody(response);
    throw invalidAnswer(
      host,
      isEventStream
        ? "answered with a stream that was not asked for."
        : "answered with a web page; check the provider's baseUrl.",
    );
  }
  const opened = await openAnswer(response, options);
  if (!options.envelope.stream || opened.kind !== "answer") return opened;
  const text = options.call.protocol.streamOf(opened.output);
  const body = new Response(bytesOfLatin1(text)).body;
  if (body === null) throw endedEarly(host);
  return openStream(body, response, options, host);
}

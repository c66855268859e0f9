import {
  chunk,
  completion,
  defaultToolCall,
  defaultUsage,
  deltaChunk,
  event,
  toolDeltas,
  type Json,
} from "./chat-chunks.ts";
import type { Behaviour, Exchange, Framing, ReceivedRequest, ResponseStart } from "./exchange.ts";

/** When the usage is told in a stream: `always` as OpenRouter, `asked` as OpenAI, `finish` with the finish chunk as DeepSeek. */
export type UsageStyle = "always" | "asked" | "finish" | "never";

export interface StreamOptions {
  content?: readonly string[];
  reasoning?: readonly string[];
  /** Streams a tool call instead of text. */
  tools?: boolean;
  finishReason?: string;
  usage?: Json;
  usageStyle?: UsageStyle;
  /** `usage: null` in every other chunk, as OpenAI does when asked for usage. */
  usageNulls?: boolean;
  /** `: OPENROUTER PROCESSING` lines before the first chunk. */
  comments?: number;
  /** The model that the answer names; default: the one asked for. */
  model?: string;
  done?: boolean;
  finish?: boolean;
  eol?: string;
  /** Pause before each chunk, in milliseconds. */
  paceMs?: number;
  headers?: Readonly<Record<string, string>>;
}

export interface PiecesOptions extends ResponseStart {
  /** Pause before each piece but the first, in milliseconds; 0 = none. */
  paceMs?: number;
  /** How it stops after the last piece. */
  ending?: "clean" | "fin" | "rst" | "hang";
  /** Waits before the piece of this index, or before the end where there is none. */
  held?: { from: number; until: Promise<unknown> };
}

export interface FailureOptions {
  message?: string;
  metadata?: Json;
  headers?: Readonly<Record<string, string>>;
  /** Instead of OpenRouter's error body. */
  body?: string;
  contentType?: string;
}

const sseHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-generation-id": "gen-1700000000-abcdefghijklmnop",
};
const jsonHeaders = { "content-type": "application/json" };

/** Answers with one body of known length. */
function respond(
  exchange: Exchange,
  response: { status: number; headers: Record<string, string>; body: string },
): void {
  const body = Buffer.from(response.body);
  const headers = { ...response.headers, "content-length": String(body.length) };
  exchange.start({ status: response.status, headers, framing: "length" });
  exchange.write(body);
  exchange.end();
}

function asksForUsage(request: ReceivedRequest): boolean {
  const options = request.json?.["stream_options"] as Json | undefined;
  const usage = request.json?.["usage"] as Json | undefined;
  return options?.["include_usage"] === true || usage?.["include"] === true;
}

function deltasOf(options: StreamOptions): Json[] {
  if (options.tools === true) return toolDeltas(defaultToolCall, 5);
  const reasoning = (options.reasoning ?? []).map((text) => ({
    role: "assistant",
    content: "",
    reasoning: text,
    reasoning_details: [{ type: "reasoning.text", text, format: "unknown", index: 0 }],
  }));
  const content = (options.content ?? ["Hello", " from", " upstream", "."]).map((text) => ({ content: text }));
  return [{ role: "assistant", content: "" }, ...reasoning, ...content];
}

/** The whole event stream that `okStream` sends, event by event. */
export function streamEvents(request: ReceivedRequest, options: StreamOptions = {}): string[] {
  const { eol = "\n", usageStyle = "always", usage = defaultUsage, done = true, finish = true } = options;
  const model = options.model ?? request.model;
  const hasUsage = usageStyle === "always" || (usageStyle === "asked" && asksForUsage(request));
  const extra: Json = options.usageNulls === true && hasUsage ? { usage: null } : {};
  const events = Array.from({ length: options.comments ?? 2 }, () => `: OPENROUTER PROCESSING${eol}${eol}`);
  for (const delta of deltasOf(options)) events.push(event({ ...deltaChunk(model, delta), ...extra }, eol));
  if (finish) {
    const reason = options.finishReason ?? (options.tools === true ? "tool_calls" : "stop");
    const finished = { ...deltaChunk(model, {}, reason), ...extra };
    events.push(event(usageStyle === "finish" ? { ...finished, usage } : finished, eol));
  }
  if (hasUsage) events.push(event(chunk(model, { choices: [], usage }), eol));
  if (done) events.push(event("[DONE]", eol));
  return events;
}

export function okStream(options: StreamOptions = {}): Behaviour {
  return async (exchange) => {
    exchange.start({ headers: { ...sseHeaders, ...options.headers } });
    for (const text of streamEvents(exchange.request, options)) {
      if (options.paceMs !== undefined) await exchange.pause(options.paceMs);
      exchange.write(text);
    }
    exchange.end();
  };
}

export function okJson(options: StreamOptions = {}): Behaviour {
  return (exchange) => {
    const content = (options.content ?? ["Hello", " from", " upstream", "."]).join("");
    const message =
      options.tools === true
        ? { role: "assistant", content: null, refusal: null, tool_calls: [{ index: 0, ...defaultToolCall }] }
        : { role: "assistant", content, refusal: null, reasoning: options.reasoning?.join("") ?? null };
    const body = completion(options.model ?? exchange.request.model, {
      message,
      finishReason: options.finishReason ?? (options.tools === true ? "tool_calls" : "stop"),
      usage: options.usage ?? defaultUsage,
    });
    respond(exchange, {
      status: 200,
      headers: { ...jsonHeaders, ...options.headers },
      body: JSON.stringify(body),
    });
  };
}

/** Streaming or not, tools or text, as the request asks: what a healthy upstream does. */
export function ordinaryReply(options: StreamOptions = {}): Behaviour {
  return (exchange) => {
    const { json } = exchange.request;
    if (json === undefined) return failure(400, { message: "Invalid JSON body" })(exchange);
    const tools = options.tools ?? (Array.isArray(json["tools"]) && json["tool_choice"] !== "none");
    const reply = json["stream"] === true ? okStream : okJson;
    return reply({ ...options, tools })(exchange);
  };
}

/** A stream made of exactly these pieces, each its own write to the socket. */
export function pieces(list: readonly (string | Uint8Array)[], options: PiecesOptions = {}): Behaviour {
  return async (exchange) => {
    const { paceMs = 2, ending = "clean", status = 200, framing = "chunked", held } = options;
    exchange.start({ status, framing, headers: { ...sseHeaders, ...options.headers } });
    for (const [index, piece] of list.entries()) {
      if (index > 0 && paceMs > 0) await exchange.pause(paceMs);
      if (index === held?.from) await held.until;
      exchange.write(piece);
    }
    if (held !== undefined && held.from >= list.length) await held.until;
    if (ending === "hang") return;
    // Lets the last piece arrive before the connection breaks, so that what the gateway has read is certain.
    if (ending !== "clean") await exchange.pause(20);
    if (ending === "clean") exchange.end();
    else exchange.cut(ending);
  };
}

/** An answer of one body with any status and headers. */
export function body(text: string, options: { status?: number; headers?: Record<string, string> } = {}): Behaviour {
  return (exchange) =>
    respond(exchange, { status: options.status ?? 200, headers: { ...jsonHeaders, ...options.headers }, body: text });
}

export function errorBody(status: number, options: FailureOptions = {}): string {
  const { message = `Fake failure ${status}`, metadata } = options;
  return JSON.stringify({ error: { message, code: status, ...(metadata && { metadata }) }, user_id: "user_fake" });
}

/** A refusal or failure in OpenRouter's words. */
export function failure(status: number, options: FailureOptions = {}): Behaviour {
  return body(options.body ?? errorBody(status, options), {
    status,
    headers: { "content-type": options.contentType ?? "application/json", ...options.headers },
  });
}

/** A stream whose events are made for the request, e.g. because they name its model. */
export function streamOf(events: (model: string) => readonly string[], options: PiecesOptions = {}): Behaviour {
  return (exchange) => pieces(events(exchange.request.model), options)(exchange);
}

/** The chunk OpenRouter sends when a provider fails after the headers. */
export function errorChunk(model: string, options: { code?: number; message?: string; choices?: "empty" } = {}): Json {
  const { code = 502, message = "Provider disconnected" } = options;
  const choices =
    options.choices === "empty"
      ? []
      : [{ index: 0, delta: { content: "" }, finish_reason: "error", native_finish_reason: "error" }];
  return { ...chunk(model, {}), error: { code, message, metadata: { provider_name: "Fake" } }, choices };
}

/** Takes the request and never says anything. */
export const hangBeforeHeaders: Behaviour = () => {};

/** Sends headers (and comments, when given) and then nothing. */
export function hangAfterHeaders(text = "", options: { framing?: Framing } = {}): Behaviour {
  return pieces(text === "" ? [] : [text], { ...options, ending: "hang" });
}

export function redirect(location: string, status = 302): Behaviour {
  return body("", { status, headers: { location } });
}

/** An event stream compressed as one gzip body. */
export function gzipStream(options: StreamOptions = {}): Behaviour {
  return (exchange) => {
    const text = streamEvents(exchange.request, options).join("");
    return pieces([Bun.gzipSync(text)], { headers: { "content-encoding": "gzip" } })(exchange);
  };
}

export interface ListedModel {
  id: string;
  [field: string]: unknown;
}

export function listedModel(id: string, fields: Json = {}): ListedModel {
  return {
    id,
    canonical_slug: id,
    name: `Fake: ${id}`,
    created: 1_700_000_000,
    context_length: 128_000,
    architecture: {
      modality: "text+image->text",
      input_modalities: ["text", "image"],
      output_modalities: ["text"],
      tokenizer: "GPT",
    },
    pricing: { prompt: "0.0000025", completion: "0.00001", input_cache_read: "0.00000125", request: "0" },
    top_provider: { context_length: 128_000, max_completion_tokens: 16_384, is_moderated: true },
    supported_parameters: ["tools", "tool_choice", "reasoning", "max_tokens", "temperature"],
    ...fields,
  };
}

/** `GET /models` as OpenRouter pages it: `{data, links: {next}, total_count}` with `limit` and `offset`. */
export function modelList(
  models: readonly ListedModel[] = [listedModel("openai/gpt-4o"), listedModel("anthropic/claude-sonnet-5")],
  pageSize = 500,
): Behaviour {
  return (exchange) => {
    const { headers, target } = exchange.request;
    const url = new URL(target, `http://${headers["host"] ?? "localhost"}`);
    const offset = Number(url.searchParams.get("offset") ?? 0);
    const limit = Math.min(Number(url.searchParams.get("limit") ?? pageSize), pageSize);
    const end = offset + limit;
    const next = end < models.length ? `${url.origin}${url.pathname}?offset=${end}&limit=${limit}` : null;
    const page = { data: models.slice(offset, end), links: { next }, total_count: models.length };
    return body(JSON.stringify(page))(exchange);
  };
}

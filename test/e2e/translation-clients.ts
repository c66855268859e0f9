import { expect } from "bun:test";
import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { Gateway } from "../support/gateway.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a client made of an error. */
export interface ToldError {
  message: string;
  /** The protocol's own word for it; Ollama has none. */
  word: string | undefined;
}

/** A client with nothing between it and the wire: one for each form that an answer may have. */
export interface Client {
  name: string;
  protocol: ProtocolName;
  path(model: string, isStream: boolean): string;
  body(ask: { model: string; isStream: boolean; text?: string }): Fields;
  /** The header in which it presents its key. */
  keyHeader: string;
  headers: Readonly<Record<string, string>>;
  streamType: string;
  /** Reads an error body; fails unless it has the protocol's form. */
  errorOf(body: unknown, status: number): ToldError;
  /** The failure that ends a stream; `undefined` when it ends well, or just ends. */
  failureOf(stream: string): ToldError | undefined;
  /** Whether a stream says that it is complete. */
  isClean(stream: string): boolean;
}

function fieldsOf(value: unknown): Fields {
  expect(value).toBeObject();
  return value as Fields;
}

/** Data of server-sent events, in order; `[DONE]` is left out. */
export function dataOf(stream: string): Fields[] {
  const lines = stream.split("\n").filter((line) => line.startsWith("data: "));
  return lines.filter((line) => line !== "data: [DONE]").map((line) => JSON.parse(line.slice(6)) as Fields);
}

function linesOf(stream: string): Fields[] {
  const lines = stream.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Fields);
}

function openaiError(body: unknown): ToldError {
  const error = fieldsOf(fieldsOf(body)["error"]);
  expect(Object.keys(error).filter((key) => key !== "metadata")).toEqual(["message", "type", "param", "code"]);
  expect(error["type"]).toBeString();
  return { message: String(error["message"]), word: (error["code"] ?? error["type"]) as string };
}

function anthropicError(body: unknown): ToldError {
  const { type, error } = fieldsOf(body);
  expect(type).toBe("error");
  return { message: String(fieldsOf(error)["message"]), word: String(fieldsOf(error)["type"]) };
}

function geminiError(body: unknown, status: number): ToldError {
  const error = fieldsOf(fieldsOf(body)["error"]);
  expect(error["code"]).toBe(status);
  return { message: String(error["message"]), word: String(error["status"]) };
}

function ollamaError(body: unknown): ToldError {
  const { error } = fieldsOf(body);
  expect(error).toBeString();
  return { message: String(error), word: undefined };
}

/** The events of a chat or completions stream that broke: a finish with `error`, the error, `[DONE]`. */
function openaiFailure(stream: string): ToldError | undefined {
  const [finish, failure] = dataOf(stream).slice(-2);
  if (failure?.["error"] === undefined) return undefined;
  expect(finish).toMatchObject({ choices: [{ finish_reason: "error" }] });
  expect(stream).toEndWith("data: [DONE]\n\n");
  return openaiError(failure);
}

function responsesFailure(stream: string): ToldError | undefined {
  const last = dataOf(stream).at(-1);
  if (last?.["type"] !== "response.failed") return undefined;
  const response = fieldsOf(last["response"]);
  expect(response["status"]).toBe("failed");
  const error = fieldsOf(response["error"]);
  return { message: String(error["message"]), word: String(error["code"]) };
}

function anthropicFailure(stream: string): ToldError | undefined {
  const last = dataOf(stream).at(-1);
  if (last?.["type"] !== "error") return undefined;
  expect(stream).toContain("\n\nevent: error\ndata: ");
  return anthropicError(last);
}

function geminiFailure(stream: string): ToldError | undefined {
  const body = dataOf(stream).at(-1);
  if (body?.["error"] === undefined) return undefined;
  return geminiError(body, Number(fieldsOf(body["error"])["code"]));
}

function arrayFailure(stream: string): ToldError | undefined {
  const last = (JSON.parse(stream) as Fields[]).at(-1);
  if (last?.["error"] === undefined) return undefined;
  return geminiError(last, Number(fieldsOf(last["error"])["code"]));
}

function ollamaFailure(stream: string): ToldError | undefined {
  const last = linesOf(stream).at(-1);
  return last?.["error"] === undefined ? undefined : ollamaError(last);
}

function hasGeminiFinish(stream: string): boolean {
  return stream.includes('"finishReason":');
}

const sse = "text/event-stream; charset=utf-8";
const bearer = { keyHeader: "authorization", headers: {} } as const;

function openaiClient(name: "openai-chat" | "openai-completions", question: (text: string) => Fields): Client {
  return {
    name,
    protocol: name,
    path: () => (name === "openai-chat" ? "/v1/chat/completions" : "/v1/completions"),
    body: ({ model, isStream, text = "Hi" }) => ({ model, stream: isStream, ...question(text) }),
    ...bearer,
    streamType: sse,
    errorOf: openaiError,
    failureOf: openaiFailure,
    isClean: (stream) => /"finish_reason":"(?:stop|length|tool_calls)"/.test(stream),
  };
}

function geminiClient(form: "sse" | "array"): Client {
  const query = form === "sse" ? "?alt=sse" : "";
  return {
    name: `gemini (${form})`,
    protocol: "gemini-generate",
    path: (model, isStream) =>
      `/v1beta/models/${model}:${isStream ? `streamGenerateContent${query}` : "generateContent"}`,
    body: ({ text = "Hi" }) => ({ contents: [{ role: "user", parts: [{ text }] }] }),
    keyHeader: "x-goog-api-key",
    headers: {},
    streamType: form === "sse" ? "text/event-stream" : "application/json",
    errorOf: geminiError,
    failureOf: form === "sse" ? geminiFailure : arrayFailure,
    isClean: hasGeminiFinish,
  };
}

function ollamaClient(name: "ollama-chat" | "ollama-generate", question: (text: string) => Fields): Client {
  return {
    name,
    protocol: name,
    path: () => (name === "ollama-chat" ? "/api/chat" : "/api/generate"),
    body: ({ model, isStream, text = "Hi" }) => ({ model, stream: isStream, ...question(text) }),
    ...bearer,
    streamType: "application/x-ndjson",
    errorOf: ollamaError,
    failureOf: ollamaFailure,
    isClean: (stream) => stream.includes('"done":true'),
  };
}

const messages = (text: string): Fields => ({ messages: [{ role: "user", content: text }] });

export const clients: readonly Client[] = [
  openaiClient("openai-chat", messages),
  openaiClient("openai-completions", (prompt) => ({ prompt })),
  {
    name: "openai-responses",
    protocol: "openai-responses",
    path: () => "/v1/responses",
    body: ({ model, isStream, text = "Hi" }) => ({ model, stream: isStream, input: text }),
    ...bearer,
    streamType: sse,
    errorOf: openaiError,
    failureOf: responsesFailure,
    isClean: (stream) => stream.includes('"response.completed"'),
  },
  {
    name: "anthropic-messages",
    protocol: "anthropic-messages",
    path: () => "/v1/messages",
    body: ({ model, isStream, text = "Hi" }) => ({ model, stream: isStream, max_tokens: 64, ...messages(text) }),
    keyHeader: "x-api-key",
    headers: { "anthropic-version": "2023-06-01" },
    streamType: sse,
    errorOf: anthropicError,
    failureOf: anthropicFailure,
    isClean: (stream) => stream.includes('"message_stop"'),
  },
  geminiClient("sse"),
  geminiClient("array"),
  ollamaClient("ollama-chat", messages),
  ollamaClient("ollama-generate", (prompt) => ({ prompt })),
];

export interface PostOptions {
  key?: string | undefined;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** Sends a body as a client does; a text goes as it is. */
export function post(
  { origin }: Pick<Gateway, "origin">,
  client: Pick<Client, "headers" | "keyHeader">,
  { path, body, key, headers, signal }: PostOptions & { path: string; body: unknown },
): Promise<Response> {
  const { keyHeader } = client;
  const bearerKey = keyHeader === "authorization" ? `Bearer ${key}` : key;
  return fetch(`${origin}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...client.headers,
      ...(bearerKey === undefined || key === undefined ? {} : { [keyHeader]: bearerKey }),
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });
}

/** One question to a model. */
export function ask(
  gateway: Pick<Gateway, "origin">,
  client: Client,
  { model, isStream = false, ...options }: PostOptions & { model: string; isStream?: boolean },
): Promise<Response> {
  const body = client.body({ model, isStream });
  return post(gateway, client, { ...options, path: client.path(model, isStream), body });
}

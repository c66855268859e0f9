import type { ProtocolName } from "../../src/config/protocol-names.ts";

/** A request as a client of the protocol writes it, without any client in between. */
export interface RawRequest {
  path: string;
  headers: Readonly<Record<string, string>>;
  body: Readonly<Record<string, unknown>>;
}

interface Wish {
  model: string;
  prompt: string;
  stream: boolean;
  /** Offers the two tools of the scenario with tools. */
  tools: boolean;
}

const parameters = { type: "object", properties: { city: { type: "string" } } };
const toolNames = ["get_weather", "get_time"];
const chatTools = toolNames.map((name) => ({ type: "function", function: { name, description: name, parameters } }));

function offered(wish: Wish, tools: unknown): Record<string, unknown> {
  return wish.tools ? { tools } : {};
}

const messagesOf = ({ prompt }: Wish) => [{ role: "user", content: prompt }];

const writers: Readonly<Record<ProtocolName, (wish: Wish) => Omit<RawRequest, "headers"> & Partial<RawRequest>>> = {
  "openai-chat": (wish) => ({
    path: "/v1/chat/completions",
    body: {
      model: wish.model,
      messages: messagesOf(wish),
      stream: wish.stream,
      ...(wish.stream && { stream_options: { include_usage: true } }),
      ...offered(wish, chatTools),
    },
  }),
  "openai-completions": ({ model, prompt, stream }) => ({
    path: "/v1/completions",
    body: { model, prompt, stream, max_tokens: 500, ...(stream && { stream_options: { include_usage: true } }) },
  }),
  "openai-responses": (wish) => ({
    path: "/v1/responses",
    body: {
      model: wish.model,
      input: wish.prompt,
      stream: wish.stream,
      store: false,
      ...offered(
        wish,
        toolNames.map((name) => ({ type: "function", name, description: name, parameters, strict: false })),
      ),
    },
  }),
  "anthropic-messages": (wish) => ({
    path: "/v1/messages",
    headers: { "anthropic-version": "2023-06-01" },
    body: {
      model: wish.model,
      max_tokens: 500,
      messages: messagesOf(wish),
      stream: wish.stream,
      ...offered(
        wish,
        toolNames.map((name) => ({ name, description: name, input_schema: parameters })),
      ),
    },
  }),
  "gemini-generate": (wish) => ({
    path: `/v1beta/models/${wish.model}:${wish.stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: {
      contents: [{ role: "user", parts: [{ text: wish.prompt }] }],
      ...offered(wish, [{ functionDeclarations: toolNames.map((name) => ({ name, description: name, parameters })) }]),
    },
  }),
  "ollama-chat": (wish) => ({
    path: "/api/chat",
    body: { model: wish.model, messages: messagesOf(wish), stream: wish.stream, ...offered(wish, chatTools) },
  }),
  "ollama-generate": ({ model, prompt, stream }) => ({ path: "/api/generate", body: { model, prompt, stream } }),
};

export function rawRequest(protocol: ProtocolName, wish: Wish): RawRequest {
  const { path, body, headers = {} } = writers[protocol](wish);
  return { path, body, headers: { "content-type": "application/json", ...headers } };
}

/** Protocols that have no tools. */
export const toolless: readonly ProtocolName[] = ["openai-completions", "ollama-generate"];

/** The answer's body. Rejects where it is refused, or where something of the request was left out. */
export async function fetchRaw(origin: string, { path, headers, body }: RawRequest): Promise<string> {
  const response = await fetch(origin + path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text.slice(0, 500)}`);
  const warnings = response.headers.get("x-orcestator-warnings");
  if (warnings !== null) throw new Error(`left out: ${warnings}`);
  return text;
}

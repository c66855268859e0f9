import type { ProtocolName } from "../../src/config/protocol-names.ts";
import type { ReceivedRequest } from "./exchange.ts";

/** What stands at a path of one of the five upstreams. */
export type Endpoint =
  | { kind: "conversation"; protocol: ProtocolName; model: string }
  /** Anything else, by a name of ours. */
  | { kind: "other"; name: OtherEndpoint; model: string };

export type OtherEndpoint =
  | "openai-models"
  | "anthropic-models"
  | "gemini-models"
  | "ollama-tags"
  | "ollama-show"
  | "ollama-ps"
  | "ollama-version"
  | "anthropic-count"
  | "responses-count"
  | "gemini-count"
  | "openai-embeddings"
  | "gemini-embed"
  | "gemini-batch-embed"
  | "ollama-embed"
  | "ollama-embeddings"
  | "images"
  | "speech"
  | "transcriptions"
  | "moderations"
  | "rerank";

const conversations: Readonly<Record<string, ProtocolName>> = {
  "/openai/v1/chat/completions": "openai-chat",
  "/openai/v1/responses": "openai-responses",
  "/openai/v1/completions": "openai-completions",
  "/v1/messages": "anthropic-messages",
  "/api/chat": "ollama-chat",
  "/api/generate": "ollama-generate",
};

const others: Readonly<Record<string, OtherEndpoint>> = {
  "POST /openai/v1/responses/input_tokens": "responses-count",
  "POST /openai/v1/embeddings": "openai-embeddings",
  "POST /openai/v1/images/generations": "images",
  "POST /openai/v1/images/edits": "images",
  "POST /openai/v1/images/variations": "images",
  "POST /openai/v1/audio/speech": "speech",
  "POST /openai/v1/audio/transcriptions": "transcriptions",
  "POST /openai/v1/audio/translations": "transcriptions",
  "POST /openai/v1/moderations": "moderations",
  "POST /openai/v1/rerank": "rerank",
  "POST /v1/messages/count_tokens": "anthropic-count",
  "POST /api/show": "ollama-show",
  "POST /api/embed": "ollama-embed",
  "POST /api/embeddings": "ollama-embeddings",
  "GET /openai/v1/models": "openai-models",
  "GET /v1/models": "anthropic-models",
  "GET /v1beta/models": "gemini-models",
  "GET /api/tags": "ollama-tags",
  "GET /api/ps": "ollama-ps",
  "GET /api/version": "ollama-version",
};

const geminiMethods: Readonly<Record<string, OtherEndpoint>> = {
  countTokens: "gemini-count",
  embedContent: "gemini-embed",
  batchEmbedContents: "gemini-batch-embed",
};

/** Gemini names the model in the path, a multipart body in a field, all others in the JSON body. */
function modelOf(request: ReceivedRequest): string {
  const inForm = /name="model"\r\n\r\n([^\r]*)\r\n/.exec(request.text)?.[1];
  return request.model || (inForm ?? "");
}

/** `undefined` where none of the upstreams has anything. */
export function endpointOf(request: ReceivedRequest): Endpoint | undefined {
  const { method, path } = request;
  const gemini = /^\/v1(?:beta)?\/models\/([^:]+):(\w+)$/.exec(path);
  if (gemini !== null && method === "POST") {
    const [, name = "", verb = ""] = gemini;
    const model = decodeURIComponent(name);
    if (/^(?:streamGenerate|generate)Content$/.test(verb))
      return { kind: "conversation", protocol: "gemini-generate", model };
    const other = geminiMethods[verb];
    return other === undefined ? undefined : { kind: "other", name: other, model };
  }
  const protocol = method === "POST" ? conversations[path] : undefined;
  if (protocol !== undefined) return { kind: "conversation", protocol, model: modelOf(request) };
  // Google and Anthropic have their lists at the same path; there they are different hosts.
  const isGoogle = path === "/v1/models" && "x-goog-api-key" in request.headers;
  const name = isGoogle ? "gemini-models" : others[`${method} ${path}`];
  return name === undefined ? undefined : { kind: "other", name, model: modelOf(request) };
}

import type { ReceivedRequest } from "./exchange.ts";
import type { OtherEndpoint } from "./replay-endpoints.ts";

/** What the endpoints besides conversations answer, and what they refuse in a request. */
export interface OtherReply {
  contentType: string;
  body: string | Uint8Array;
  violations: string[];
}

/** The models of the lists; any name is served. */
const listedModels = ["plain", "tools", "vision"] as const;

type Fields = Readonly<Record<string, unknown>>;
type Answer = (body: Fields, request: ReceivedRequest) => unknown;

/** Vectors that floats of 32 bits hold exactly, so that nothing is lost in base64. */
export function vectorOf(text: string, dimensions = 4): number[] {
  return Array.from({ length: dimensions }, (_, index) => (index + 1) / 4 - text.length / 8);
}

function tokensOf(text: string): number {
  return Math.ceil(text.length / 4) + 3;
}

/** One pixel. */
export const pictureBase64 =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const speechBytes = Uint8Array.from({ length: 4096 }, (_, index) => (index * 7) % 256);

function textsOf(input: unknown): string[] {
  return (Array.isArray(input) ? input : [input]).map((item) =>
    typeof item === "string" ? item : JSON.stringify(item),
  );
}

function partsText(content: unknown): string {
  const { parts = [] } = (content ?? {}) as { parts?: { text?: string }[] };
  return parts.map((part) => part.text ?? "").join("");
}

function sizeAsked(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function openaiEmbeddings(body: Fields): unknown {
  const texts = textsOf(body["input"]);
  const data = texts.map((text, index) => {
    const vector = vectorOf(text, sizeAsked(body["dimensions"]));
    const isBase64 = body["encoding_format"] === "base64";
    const embedding = isBase64 ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : vector;
    return { object: "embedding", index, embedding };
  });
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text), 0);
  return { object: "list", data, model: body["model"], usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function listedOpenai(): unknown {
  const data = listedModels.map((id) => ({ id, object: "model", created: 1_700_000_000, owned_by: "replay" }));
  return { object: "list", data };
}

function listedAnthropic(): unknown {
  const data = listedModels.map((id) => ({ type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" }));
  return { data, has_more: false, first_id: listedModels[0], last_id: listedModels.at(-1) };
}

const answers: Readonly<Record<Exclude<OtherEndpoint, "speech" | "transcriptions">, Answer>> = {
  "openai-models": listedOpenai,
  "anthropic-models": listedAnthropic,
  "gemini-models": () => ({
    models: listedModels.map((name) => ({
      name: `models/${name}`,
      version: "001",
      displayName: name,
      inputTokenLimit: 1_000_000,
      outputTokenLimit: 65_536,
      supportedGenerationMethods: ["generateContent", "countTokens"],
    })),
  }),
  "ollama-tags": () => ({
    models: listedModels.map((name) => ({
      name,
      model: name,
      modified_at: "2026-01-01T00:00:00Z",
      size: 1,
      digest: "0",
      details: {
        format: "gguf",
        family: "replay",
        families: ["replay"],
        parameter_size: "1B",
        quantization_level: "Q4_0",
      },
    })),
  }),
  "ollama-show": () => ({
    details: { format: "gguf", family: "replay" },
    model_info: { "general.architecture": "replay", "replay.context_length": 65_536 },
    capabilities: ["completion", "tools", "vision"],
  }),
  "ollama-ps": () => ({ models: [] }),
  "ollama-version": () => ({ version: "0.32.0" }),
  "anthropic-count": (body) => ({ input_tokens: tokensOf(JSON.stringify(body["messages"])) }),
  "responses-count": (body) => ({
    object: "response.input_tokens",
    input_tokens: tokensOf(JSON.stringify(body["input"])),
  }),
  "gemini-count": (body) => ({
    totalTokens: tokensOf(JSON.stringify(body["contents"] ?? body["generateContentRequest"])),
  }),
  "openai-embeddings": openaiEmbeddings,
  "gemini-embed": (body) => ({
    embedding: { values: vectorOf(partsText(body["content"]), sizeAsked(body["outputDimensionality"])) },
  }),
  "gemini-batch-embed": (body) => ({
    embeddings: ((body["requests"] ?? []) as Fields[]).map((request) => ({
      values: vectorOf(partsText(request["content"]), sizeAsked(request["outputDimensionality"])),
    })),
  }),
  "ollama-embed": (body) => {
    const texts = textsOf(body["input"]);
    return {
      model: body["model"],
      embeddings: texts.map((text) => vectorOf(text, sizeAsked(body["dimensions"]))),
      total_duration: 1,
      load_duration: 1,
      prompt_eval_count: texts.reduce((sum, text) => sum + tokensOf(text), 0),
    };
  },
  "ollama-embeddings": (body) => ({ embedding: vectorOf(String(body["prompt"])) }),
  images: () => ({ created: 1_700_000_000, data: [{ b64_json: pictureBase64 }] }),
  moderations: (body) => ({
    id: "modr-1",
    model: body["model"],
    results: textsOf(body["input"]).map((text) => ({
      flagged: text.includes("bad"),
      categories: { violence: text.includes("bad") },
      category_scores: { violence: text.includes("bad") ? 0.9 : 0.1 },
    })),
  }),
  rerank: (body) => ({
    results: ((body["documents"] ?? []) as unknown[]).map((_, index) => ({ index, relevance_score: 1 / (index + 1) })),
  }),
};

/** Fields without which the real endpoint answers 400. */
const required: Partial<Readonly<Record<OtherEndpoint, readonly string[]>>> = {
  "anthropic-count": ["model", "messages"],
  "responses-count": ["model", "input"],
  "openai-embeddings": ["model", "input"],
  "gemini-embed": ["content"],
  "gemini-batch-embed": ["requests"],
  "ollama-embed": ["model", "input"],
  "ollama-embeddings": ["model", "prompt"],
  "ollama-show": ["model"],
  speech: ["model", "input", "voice"],
  moderations: ["input"],
  rerank: ["model", "query", "documents"],
};

function missing(name: OtherEndpoint, body: Fields): string[] {
  return (required[name] ?? []).filter((field) => body[field] === undefined).map((field) => `${name}: no '${field}'`);
}

export function otherReply(name: OtherEndpoint, request: ReceivedRequest): OtherReply {
  const body = request.json ?? {};
  const violations = missing(name, body);
  if (name === "speech") return { contentType: "audio/mpeg", body: speechBytes, violations };
  if (name === "transcriptions") {
    const isForm = (request.headers["content-type"] ?? "").startsWith("multipart/form-data; boundary=");
    const complaint = isForm ? [] : ["transcriptions: no multipart body"];
    return { contentType: "application/json", body: JSON.stringify({ text: "Grüezi." }), violations: complaint };
  }
  return { contentType: "application/json", body: JSON.stringify(answers[name](body, request)), violations };
}

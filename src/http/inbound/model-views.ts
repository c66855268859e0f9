import type { ModelInfo } from "../../routing/offered-models.ts";

/** The list of models as the clients of each protocol know it. */

const defaultContext = 128_000;
const defaultOutput = 16_384;

function dateOf({ created }: ModelInfo): string {
  return new Date(created * 1000).toISOString();
}

export function anthropicModel(info: ModelInfo): object {
  return {
    type: "model",
    id: info.id,
    display_name: info.id,
    created_at: dateOf(info),
    ...(info.context_length === undefined ? {} : { max_input_tokens: info.context_length }),
    ...(info.max_output_tokens === undefined ? {} : { max_tokens: info.max_output_tokens }),
  };
}

const mostAnthropicModels = 1000;

/** A page of `limit` models behind `after_id`, or before `before_id`. */
export function anthropicModels(models: readonly ModelInfo[], query: URLSearchParams): object {
  const limit = Math.min(mostAnthropicModels, Math.max(1, Number(query.get("limit")) || 20));
  const after = models.findIndex(({ id }) => id === query.get("after_id"));
  const before = models.findIndex(({ id }) => id === query.get("before_id"));
  const rest = models.slice(after + 1, before === -1 ? undefined : before);
  const page = before === -1 ? rest.slice(0, limit) : rest.slice(-limit);
  return {
    data: page.map(anthropicModel),
    has_more: page.length < rest.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

export function geminiModel(info: ModelInfo): object {
  return {
    name: `models/${info.id}`,
    baseModelId: info.id,
    version: "001",
    displayName: info.id,
    description: `Served by ${info.provider}`,
    inputTokenLimit: info.context_length ?? defaultContext,
    outputTokenLimit: info.max_output_tokens ?? defaultOutput,
    supportedGenerationMethods: ["generateContent", "streamGenerateContent", "countTokens", "embedContent"],
    ...(info.capabilities === undefined ? {} : { thinking: info.capabilities.reasoning }),
  };
}

/** A page of `pageSize` models, from the one `pageToken` names. */
export function geminiModels(models: readonly ModelInfo[], query: URLSearchParams): object {
  const size = Math.min(1000, Math.max(1, Number(query.get("pageSize")) || 50));
  const from = Math.max(0, Number(query.get("pageToken")) || 0);
  const page = models.slice(from, from + size);
  const next = from + size < models.length ? { nextPageToken: String(from + size) } : {};
  return { models: page.map(geminiModel), ...next };
}

/** Ollama tells models apart by the digest of their weights; ours is one of the name. */
function digestOf(name: string): string {
  return new Bun.CryptoHasher("sha256").update(name).digest("hex");
}

function ollamaDetails(info: ModelInfo): object {
  return {
    parent_model: "",
    format: "gguf",
    family: "orcestator",
    families: ["orcestator"],
    parameter_size: "",
    quantization_level: "",
    context_length: info.context_length ?? defaultContext,
  };
}

/** Where an upstream does not say what a model can, everything is offered: a client would hide the model otherwise. */
function ollamaCapabilities({ capabilities }: ModelInfo): string[] {
  if (capabilities === undefined) return ["completion", "tools", "vision"];
  const { tools, vision, reasoning } = capabilities;
  return ["completion", ...(tools ? ["tools"] : []), ...(vision ? ["vision"] : []), ...(reasoning ? ["thinking"] : [])];
}

export function ollamaTag(info: ModelInfo): object {
  return {
    name: info.id,
    model: info.id,
    modified_at: dateOf(info),
    size: 0,
    digest: digestOf(info.id),
    details: ollamaDetails(info),
    capabilities: ollamaCapabilities(info),
  };
}

export function ollamaShow(info: ModelInfo): object {
  return {
    modelfile: "",
    parameters: "",
    template: "",
    license: "",
    details: ollamaDetails(info),
    model_info: {
      "general.architecture": "orcestator",
      "general.basename": info.id,
      "orcestator.context_length": info.context_length ?? defaultContext,
      "orcestator.embedding_length": 0,
    },
    capabilities: ollamaCapabilities(info),
    modified_at: dateOf(info),
    remote_model: info.upstream_model,
  };
}

/** A model that answers at once is loaded for good. */
export function ollamaRunning(info: ModelInfo): object {
  return {
    name: info.id,
    model: info.id,
    size: 0,
    digest: digestOf(info.id),
    details: ollamaDetails(info),
    expires_at: new Date(Date.now() + 24 * 3600 * 1000).toISOString(),
    size_vram: 0,
    context_length: info.context_length ?? defaultContext,
  };
}

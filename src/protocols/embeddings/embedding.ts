import type { Usage } from "../../telemetry/request-record.ts";
import type { Loss } from "../canonical/conversation.ts";
import type { Fields } from "../fields.ts";

export const embeddingDialects = ["openai-embeddings", "gemini-embed", "ollama-embed"] as const;

/** The shape of a request for vectors and of its answer. */
export type EmbeddingDialect = (typeof embeddingDialects)[number];

/** A request for vectors in the form between the dialects. `undefined` = the client did not say. */
export interface EmbeddingRequest {
  dialect: EmbeddingDialect;
  model: string | undefined;
  /** Texts, or lists of token numbers; at least one. */
  inputs: readonly string[] | readonly (readonly number[])[];
  /** `single`: the client's answer is one vector by itself and no list. */
  form: "list" | "single";
  /** How long each vector shall be. */
  dimensions?: number | undefined;
  /** `base64`: each vector as little-endian 32-bit floats. */
  encoding: "float" | "base64";
  user?: string | undefined;
  /** What the vectors are for, in Gemini's words, e.g. `RETRIEVAL_QUERY`. */
  taskType?: string | undefined;
  /** Everything else of the client's body that means something, by the client's own field name. */
  extra: Fields;
}

export interface EmbeddingAnswer {
  /** One for each input, in their order; finite numbers. */
  vectors: readonly (readonly number[])[];
  /** The model that the upstream says it served. */
  model: string | undefined;
  usage: Usage | undefined;
}

export interface EncodedEmbeddingRequest {
  /** The body as a JSON value. */
  body: Fields;
  losses: readonly Loss[];
}

/** Translation of one dialect. Pure. */
export interface EmbeddingCodec {
  request: {
    /** `path` is what the URL says besides. Throws GatewayError (400) that names the field where the body cannot be read. */
    decode(body: Fields, path?: { model?: string | undefined }): EmbeddingRequest;
    /** Throws GatewayError (400) where the dialect cannot say it. `model` is the name the upstream knows. */
    encode(request: EmbeddingRequest, target: { model: string }): EncodedEmbeddingRequest;
  };
  answer: {
    /** Throws GatewayError (502) when the value is no answer to this request, or the failure it holds. */
    decode(value: unknown, request: Pick<EmbeddingRequest, "inputs">): EmbeddingAnswer;
    /** `model` is what the answer shall say. */
    encode(answer: EmbeddingAnswer, view: { model: string; request: EmbeddingRequest }): Fields;
  };
}

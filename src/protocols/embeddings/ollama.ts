import { invalidRequest } from "../../errors.ts";
import { promptTokens } from "../../telemetry/request-record.ts";
import { countOf, filledOf, type Fields } from "../fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import type { EmbeddingAnswer, EmbeddingCodec, EmbeddingRequest, EncodedEmbeddingRequest } from "./embedding.ts";
import { carryExtra, readDimensions, readExtra, textsOf } from "./request-fields.ts";
import { checkCount, readAnswer, readVector, usageOfInput } from "./vectors.ts";

const knownFields = ["model", "input", "prompt", "dimensions"];

function isLegacy(body: Fields): boolean {
  return body["input"] === undefined && body["prompt"] !== undefined;
}

function readInputs(body: Fields): readonly string[] {
  const field = isLegacy(body) ? "prompt" : "input";
  const value = body[field];
  if (typeof value === "string") return [value];
  const isTexts = field === "input" && Array.isArray(value) && value.length > 0 && value.every(isText);
  if (isTexts) return value;
  const wanted = field === "input" ? "a text or a list of texts, and not empty" : "a text";
  throw invalidRequest(`\`${field}\` must be ${wanted}.`, field);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Cutting what is too long is what Ollama does anyway; options say how its machine runs the model. */
function isMeaningless(key: string, value: unknown): boolean {
  return key === "options" || (key === "truncate" && value === true);
}

function decodeRequest(body: Fields): EmbeddingRequest {
  const extra = Object.entries(readExtra(body, knownFields)).filter(([key, value]) => !isMeaningless(key, value));
  return {
    dialect: "ollama-embed",
    model: filledOf(body["model"]),
    inputs: readInputs(body),
    form: isLegacy(body) ? "single" : "list",
    dimensions: readDimensions(body["dimensions"], "dimensions"),
    encoding: "float",
    extra: Object.fromEntries(extra),
  };
}

function encodeRequest(request: EmbeddingRequest, { model }: { model: string }): EncodedEmbeddingRequest {
  const { dimensions, taskType } = request;
  const { rest, losses } = carryExtra(request, "ollama-embed");
  const input = textsOf(request, "Ollama");
  if (taskType !== undefined) losses.push({ field: "taskType", reason: "not supported by ollama-embed" });
  return { body: { ...rest, model, input, ...(dimensions === undefined ? {} : { dimensions }) }, losses };
}

function decodeAnswer(value: unknown, { inputs }: Pick<EmbeddingRequest, "inputs">): EmbeddingAnswer {
  const answer = readAnswer(value);
  const list: unknown = answer["embeddings"] ?? (answer["embedding"] === undefined ? undefined : [answer["embedding"]]);
  if (!Array.isArray(list)) throw invalidAnswer("The upstream's answer has no `embeddings`.");
  const vectors = checkCount(list, inputs).map((vector, index) => readVector(vector, `embeddings[${index}]`));
  return { vectors, model: filledOf(answer["model"]), usage: usageOfInput(countOf(answer["prompt_eval_count"])) };
}

function encodeAnswer({ vectors, usage }: EmbeddingAnswer, view: { model: string; request: EmbeddingRequest }): Fields {
  if (view.request.form === "single") return { embedding: vectors[0] ?? [] };
  const tokens = usage === undefined ? undefined : promptTokens(usage);
  return { model: view.model, embeddings: vectors, ...(tokens === undefined ? {} : { prompt_eval_count: tokens }) };
}

/** Ollama's /api/embed, and /api/embeddings as it was before. */
export const ollamaEmbed: EmbeddingCodec = {
  request: { decode: decodeRequest, encode: encodeRequest },
  answer: { decode: decodeAnswer, encode: encodeAnswer },
};

import { invalidRequest } from "../../errors.ts";
import { promptTokens } from "../../telemetry/request-record.ts";
import { countOf, fieldsOf, filledOf, type Fields } from "../fields.ts";
import { readText } from "../request-fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import type { EmbeddingAnswer, EmbeddingCodec, EmbeddingRequest, EncodedEmbeddingRequest } from "./embedding.ts";
import { carryExtra, readDimensions, readExtra } from "./request-fields.ts";
import { base64OfVector, checkCount, readAnswer, readVector, usageOfInput } from "./vectors.ts";

const knownFields = ["model", "input", "dimensions", "encoding_format", "user"];

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((token) => Number.isSafeInteger(token) && token >= 0);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function readInputs(input: unknown): EmbeddingRequest["inputs"] {
  if (isText(input) || isTokens(input)) return [input] as EmbeddingRequest["inputs"];
  const list: readonly unknown[] = Array.isArray(input) ? input : [];
  if (list.length > 0 && list.every(isText)) return list;
  if (list.length > 0 && list.every(isTokens)) return list;
  throw invalidRequest("`input` must be a text, a list of texts, or token numbers, and not empty.", "input");
}

function readEncoding(value: unknown): EmbeddingRequest["encoding"] {
  if (value === undefined || value === null || value === "float") return "float";
  if (value === "base64") return "base64";
  throw invalidRequest('`encoding_format` must be "float" or "base64".', "encoding_format");
}

function decodeRequest(body: Fields): EmbeddingRequest {
  return {
    dialect: "openai-embeddings",
    model: filledOf(body["model"]),
    inputs: readInputs(body["input"]),
    form: "list",
    dimensions: readDimensions(body["dimensions"], "dimensions"),
    encoding: readEncoding(body["encoding_format"]),
    user: readText(body, "user"),
    extra: readExtra(body, knownFields),
  };
}

/** Never asks for base64: not every upstream has it, and the answer is written anew. */
function encodeRequest(request: EmbeddingRequest, { model }: { model: string }): EncodedEmbeddingRequest {
  const { inputs, dimensions, user, taskType } = request;
  const { rest, losses } = carryExtra(request, "openai-embeddings");
  const body = {
    ...rest,
    model,
    input: inputs,
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(user === undefined ? {} : { user }),
  };
  if (taskType !== undefined) losses.push({ field: "taskType", reason: "not supported by openai-embeddings" });
  return { body, losses };
}

/** The entries by their `index`, where it is one; else as they came. */
function inOrder(data: readonly Fields[]): readonly Fields[] {
  const places = new Set(data.map((entry) => countOf(entry["index"])));
  const isOrdered = data.every((_, place) => places.has(place));
  if (!isOrdered) return data;
  return data.toSorted((left, right) => Number(left["index"]) - Number(right["index"]));
}

function decodeAnswer(value: unknown, { inputs }: Pick<EmbeddingRequest, "inputs">): EmbeddingAnswer {
  const answer = readAnswer(value);
  const { data } = answer;
  if (!Array.isArray(data)) throw invalidAnswer("The upstream's answer has no `data`.");
  const entries = checkCount(inOrder(data.map(fieldsOf)), inputs);
  return {
    vectors: entries.map(({ embedding }, index) => readVector(embedding, `data[${index}].embedding`)),
    model: filledOf(answer["model"]),
    usage: usageOfInput(countOf(fieldsOf(answer["usage"])["prompt_tokens"])),
  };
}

/** Clients rely on `usage`: what is not known counts as 0 there. */
function encodeAnswer({ vectors, usage }: EmbeddingAnswer, view: { model: string; request: EmbeddingRequest }): Fields {
  const isBase64 = view.request.encoding === "base64";
  const data = vectors.map((vector, index) => ({
    object: "embedding",
    index,
    embedding: isBase64 ? base64OfVector(vector) : vector,
  }));
  const tokens = usage === undefined ? 0 : (promptTokens(usage) ?? 0);
  return { object: "list", data, model: view.model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

/** OpenAI's /v1/embeddings. */
export const openaiEmbeddings: EmbeddingCodec = {
  request: { decode: decodeRequest, encode: encodeRequest },
  answer: { decode: decodeAnswer, encode: encodeAnswer },
};

import { invalidRequest } from "../../errors.ts";
import { promptTokens } from "../../telemetry/request-record.ts";
import { countOf, fieldsOf, filledOf, isFields, type Fields } from "../fields.ts";
import { readText } from "../request-fields.ts";
import { invalidAnswer } from "../upstream-error.ts";
import type { EmbeddingAnswer, EmbeddingCodec, EmbeddingRequest, EncodedEmbeddingRequest } from "./embedding.ts";
import { carryExtra, readDimensions, readExtra, textsOf } from "./request-fields.ts";
import { checkCount, readAnswer, readVector, usageOfInput } from "./vectors.ts";

/** Proto's JSON may be written in either way. */
const camelNames: ReadonlyMap<string, string> = new Map([
  ["output_dimensionality", "outputDimensionality"],
  ["task_type", "taskType"],
  ["embed_content_config", "embedContentConfig"],
  ["auto_truncate", "autoTruncate"],
]);

/** Newer clients put what shapes a vector into an object of its own. */
const configKey = "embedContentConfig";

function camel(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [camelNames.get(key) ?? key, value]));
}

/** What is asked of one text. */
interface Wish {
  text: string;
  dimensions: number | undefined;
  taskType: string | undefined;
  model: string | undefined;
  extra: Fields;
}

function textOfPart(part: unknown, at: string): string {
  const { text } = fieldsOf(part);
  if (typeof text === "string") return text;
  throw invalidRequest(`\`${at}\` must be a text: pictures, sounds and files have no vectors here.`, at);
}

function textOfContent(content: unknown, at: string): string {
  if (typeof content === "string") return content;
  const { parts } = fieldsOf(content);
  const list: unknown = isFields(parts) ? [parts] : parts;
  if (!Array.isArray(list) || list.length === 0)
    throw invalidRequest(`\`${at}\` is missing; send {"parts": [{"text": …}]}.`, at);
  return list.map((part, index) => textOfPart(part, `${at}.parts[${index}]`)).join("\n");
}

function readWish(body: Fields, at: string): Wish {
  const own = camel(body);
  const said = { ...camel(fieldsOf(own[configKey])), ...own };
  const taskType = readText(said, "taskType");
  return {
    text: textOfContent(said["content"], `${at}content`),
    dimensions: readDimensions(said["outputDimensionality"], `${at}outputDimensionality`),
    taskType: taskType === "" || taskType === "TASK_TYPE_UNSPECIFIED" ? undefined : taskType,
    model: filledOf(said["model"])?.replace(/^models\//, ""),
    extra: readExtra(said, ["content", "outputDimensionality", "taskType", "model", configKey]),
  };
}

function readWishes(body: Fields): Wish[] {
  const { requests } = body;
  if (requests === undefined) return [readWish(body, "")];
  if (!Array.isArray(requests) || requests.length === 0)
    throw invalidRequest("`requests` must be a list and not empty.", "requests");
  return requests.map((request, index) => readWish(fieldsOf(request), `requests[${index}].`));
}

/** Other dialects have one length and one purpose for all of a request. */
function checkAlike(wishes: readonly Wish[], first: Wish): void {
  for (const [index, { dimensions, taskType }] of wishes.entries()) {
    const field = `requests[${index}].${dimensions === first.dimensions ? "taskType" : "outputDimensionality"}`;
    if (dimensions !== first.dimensions || taskType !== first.taskType)
      throw invalidRequest(`\`${field}\` must be the same in all of \`requests\`.`, field);
  }
}

const apart = "requests[].";

/** What is said of all texts alike; what differs among them has a name that tells so. */
function sharedExtra(wishes: readonly Wish[]): Fields {
  const keys = new Set(wishes.flatMap(({ extra }) => Object.keys(extra)));
  const members = [...keys].map((key) => {
    const [first, ...others] = wishes.map(({ extra }) => JSON.stringify(extra[key]));
    const isShared = others.every((other) => other === first);
    return [isShared ? key : apart + key, wishes.find(({ extra }) => Object.hasOwn(extra, key))?.extra[key]] as const;
  });
  return Object.fromEntries(members);
}

function decodeRequest(body: Fields, path?: { model?: string | undefined }): EmbeddingRequest {
  const wishes = readWishes(body);
  const first = wishes[0] as Wish;
  checkAlike(wishes, first);
  return {
    dialect: "gemini-embed",
    model: path?.model ?? first.model,
    inputs: wishes.map(({ text }) => text),
    form: body["requests"] === undefined ? "single" : "list",
    dimensions: first.dimensions,
    encoding: "float",
    taskType: first.taskType,
    extra: sharedExtra(wishes),
  };
}

function modelPath(model: string): string {
  return model.includes("/") ? model : `models/${model}`;
}

/** Always a batch: one text is a batch of one. */
function encodeRequest(request: EmbeddingRequest, { model }: { model: string }): EncodedEmbeddingRequest {
  const { dimensions, taskType } = request;
  const { rest: extra, losses } = carryExtra(request, "gemini-embed");
  const members = Object.entries(extra);
  for (const [field] of members)
    if (field.startsWith(apart)) losses.push({ field, reason: "not the same for all texts" });
  const rest = Object.fromEntries(members.filter(([field]) => !field.startsWith(apart)));
  const requests = textsOf(request, "Gemini").map((text) => ({
    ...rest,
    model: modelPath(model),
    content: { parts: [{ text }] },
    ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
    ...(taskType === undefined ? {} : { taskType }),
  }));
  return { body: { requests }, losses };
}

function decodeAnswer(value: unknown, { inputs }: Pick<EmbeddingRequest, "inputs">): EmbeddingAnswer {
  const answer = readAnswer(value);
  const list: unknown = answer["embeddings"] ?? (answer["embedding"] === undefined ? undefined : [answer["embedding"]]);
  if (!Array.isArray(list)) throw invalidAnswer("The upstream's answer has no `embeddings`.");
  const vectors = checkCount(list, inputs).map((entry, index) =>
    readVector(fieldsOf(entry)["values"], `embeddings[${index}].values`),
  );
  const tokens = countOf(fieldsOf(answer["usageMetadata"])["promptTokenCount"]);
  return { vectors, model: undefined, usage: usageOfInput(tokens) };
}

function encodeAnswer({ vectors, usage }: EmbeddingAnswer, { request }: { request: EmbeddingRequest }): Fields {
  const tokens = usage === undefined ? undefined : promptTokens(usage);
  const counts = tokens === undefined ? {} : { usageMetadata: { promptTokenCount: tokens, totalTokenCount: tokens } };
  if (request.form === "single") return { embedding: { values: vectors[0] ?? [] }, ...counts };
  return { embeddings: vectors.map((values) => ({ values })), ...counts };
}

/** Gemini's :embedContent and :batchEmbedContents. */
export const geminiEmbed: EmbeddingCodec = {
  request: { decode: decodeRequest, encode: encodeRequest },
  answer: { decode: decodeAnswer, encode: encodeAnswer },
};

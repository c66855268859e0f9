import { isFilled, isObject, list, objectOf, textOf, type Json } from "./json.ts";
import { dataIn, parsed } from "./openai-chat-stream.ts";
import { openaiChatWire, piecesOf, usageOf } from "./openai-chat.ts";
import type { PlayedAnswer, PlayedRequest, Script, WireProtocol } from "./wire.ts";

/** OpenAI's legacy completions: text in, text out. What else a script holds has no place here. */

const created = 1_790_000_000;
const reasons = { end: "stop", length: "length", tool_calls: "stop", filtered: "content_filter" } as const;

const fields = new Set([
  "best_of",
  "echo",
  "frequency_penalty",
  "logit_bias",
  "logprobs",
  "max_tokens",
  "model",
  "n",
  "presence_penalty",
  "prompt",
  "seed",
  "stop",
  "stream",
  "stream_options",
  "suffix",
  "temperature",
  "top_p",
  "user",
]);

function isPrompt(prompt: unknown): boolean {
  if (typeof prompt === "string") return true;
  return Array.isArray(prompt) && prompt.length > 0;
}

function violationsOf({ method, path, headers, body }: PlayedRequest): string[] {
  if (!isObject(body)) return ["the body is no object"];
  const found = Object.keys(body)
    .filter((field) => !fields.has(field))
    .map((field) => `${field} is unknown`);
  if (method !== "POST") found.push(`method ${method}`);
  if (!/(?<!chat)\/completions(?:\?|$)/.test(path)) found.push(`path ${path}`);
  if (headers.get("content-type")?.includes("application/json") !== true) found.push("content-type must be JSON");
  if (!isFilled(body["model"])) found.push("model is missing");
  if (!isPrompt(body["prompt"])) found.push("prompt is neither text nor list");
  if (body["stream_options"] !== undefined && body["stream"] !== true)
    found.push("stream_options is only allowed when stream is true");
  return found;
}

function textIn({ parts }: Script): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function choiceOf(text: string, finish: string | null): Json {
  return { text, index: 0, logprobs: null, finish_reason: finish };
}

function whole(script: Script): { contentType: string; body: string } {
  const { id, model, finish } = script;
  const choices = [choiceOf(textIn(script), reasons[finish])];
  const body = { id, object: "text_completion", created, model, choices, usage: usageOf(script) };
  return { contentType: "application/json", body: JSON.stringify(body) };
}

function stream(script: Script): { contentType: string; events: string[] } {
  const { id, model, finish } = script;
  const event = (choices: unknown[], usage: unknown = null): string =>
    `data: ${JSON.stringify({ id, object: "text_completion", created, choices, model, usage })}\n\n`;
  return {
    contentType: "text/event-stream",
    events: [
      ...piecesOf(textIn(script)).map((text) => event([choiceOf(text, null)])),
      event([choiceOf("", reasons[finish])]),
      event([], usageOf(script)),
      "data: [DONE]\n\n",
    ],
  };
}

function headProblems(chunks: readonly Json[]): string[] {
  const found: string[] = [];
  for (const field of ["id", "object", "created", "model"]) {
    if (new Set(chunks.map((chunk) => chunk[field])).size > 1) found.push(`${field} changes`);
  }
  const [first] = chunks;
  if (!isFilled(first?.["id"]) || !isFilled(first["model"])) found.push("no id or no model");
  if (first?.["object"] !== "text_completion") found.push("object is not text_completion");
  return found;
}

function choiceProblems(chunks: readonly Json[]): string[] {
  const found: string[] = [];
  let finish: unknown;
  for (const { choices, usage } of chunks) {
    if (!Array.isArray(choices)) found.push("a chunk without choices");
    if (list(choices).length === 0 && (finish === undefined || !isObject(usage))) found.push("an empty chunk");
    for (const choice of list(choices).map(objectOf)) {
      if (finish !== undefined) found.push("a choice behind the finish_reason");
      if (choice["index"] !== 0 || typeof choice["text"] !== "string") found.push("a choice without index or text");
      finish = choice["finish_reason"] ?? finish;
    }
  }
  if (finish === undefined) found.push("no finish_reason");
  else if (!["stop", "length", "content_filter", "error"].includes(textOf(finish)))
    found.push(`finish_reason ${textOf(finish)}`);
  return found;
}

function problemsOf(text: string): string[] {
  const { data, problems } = dataIn(text);
  if (data.at(-1) !== "[DONE]" || data.indexOf("[DONE]") < data.length - 1) problems.push("[DONE] is not the end");
  const values = data.slice(0, -1).map(parsed);
  if (!values.every(isObject)) return [...problems, "an event is no JSON object"];
  const chunks = values.filter((value) => !("error" in value));
  const hasError = chunks.length < values.length;
  const finish = objectOf(list(chunks.at(-1)?.["choices"])[0])["finish_reason"];
  if (hasError !== (finish === "error")) problems.push("finish_reason error and the error object belong together");
  return [...problems, ...headProblems(chunks), ...choiceProblems(chunks)];
}

function contentOf(answer: string): PlayedAnswer {
  const isWhole = answer.trimStart().startsWith("{");
  const values = isWhole ? [objectOf(parsed(answer))] : dataIn(answer).data.map((text) => objectOf(parsed(text)));
  const choices = values.flatMap((value) => list(value["choices"]).map(objectOf));
  const finish = choices.map((choice) => choice["finish_reason"]).findLast((word) => typeof word === "string");
  return {
    text: choices.map((choice) => textOf(choice["text"])).join(""),
    reasoning: "",
    calls: [],
    finish: textOf(finish) || undefined,
    usage: values.map((value) => value["usage"]).findLast(isObject),
  };
}

export const openaiCompletionsWire: WireProtocol = {
  // Refusals and failures are the same.
  ...openaiChatWire,
  id: "openai-completions",
  violationsOf,
  whole,
  stream,
  problemsOf,
  contentOf,
};

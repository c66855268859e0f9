import { invalidRequest } from "../../errors.ts";
import {
  efforts,
  type Conversation,
  type Loss,
  type OutputFormat,
  type ReasoningWish,
} from "../canonical/conversation.ts";
import { fieldsOf, filledOf, isFields, numberOf, stringOf, type Fields } from "../fields.ts";
import { readBoolean, readNumber, readObject, readText } from "../request-fields.ts";

function readStop(body: Fields): string[] {
  const stop = body["stop"] ?? undefined;
  if (stop === undefined) return [];
  const list: unknown[] = Array.isArray(stop) ? stop : [stop];
  return list.map((text, index) => {
    if (typeof text === "string") return text;
    const field = Array.isArray(stop) ? `stop[${index}]` : "stop";
    throw invalidRequest(`\`${field}\` must be a text.`, field);
  });
}

function readLogitBias(body: Fields): Record<string, number> | undefined {
  const bias = readObject(body, "logit_bias");
  if (bias === undefined) return undefined;
  const entries = Object.entries(bias).map(([token, value]): [string, number] => {
    const number = numberOf(value);
    if (number === undefined) throw invalidRequest("`logit_bias` must map tokens to numbers.", "logit_bias");
    return [token, number];
  });
  return Object.fromEntries(entries);
}

function readLogprobs(body: Fields): { top: number } | undefined {
  const top = readNumber(body, "top_logprobs");
  return readBoolean(body, "logprobs") === true ? { top: top ?? 0 } : undefined;
}

function readFormat(body: Fields, losses: Loss[]): OutputFormat | undefined {
  const format = readObject(body, "response_format");
  if (format === undefined) return undefined;
  const type = stringOf(format["type"]) ?? "";
  if (type === "text") return { type: "text" };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") {
    losses.push({ field: "response_format", reason: `the format ${type.slice(0, 60)} is not known` });
    return undefined;
  }
  const path = "response_format.json_schema";
  const said = format["json_schema"];
  if (!isFields(said)) throw invalidRequest(`\`${path}\` must be an object.`, path);
  const schema = said["schema"] ?? undefined;
  if (schema === undefined) return { type: "json" };
  if (!isFields(schema)) throw invalidRequest(`\`${path}.schema\` must be an object.`, `${path}.schema`);
  const strict = typeof said["strict"] === "boolean" ? said["strict"] : undefined;
  return { type: "schema", name: filledOf(said["name"]), description: filledOf(said["description"]), schema, strict };
}

/** How hard: OpenAI's word, OpenRouter's, or a mere on and off (DeepSeek's `thinking`, OpenRouter's `enabled`). */
function readEffort(body: Fields, losses: Loss[]): ReasoningWish["effort"] {
  const { effort, enabled } = fieldsOf(body["reasoning"]);
  const field = (body["reasoning_effort"] ?? undefined) === undefined ? "reasoning.effort" : "reasoning_effort";
  const wish = filledOf(body["reasoning_effort"]) ?? filledOf(effort);
  const known = efforts.find((candidate) => candidate === wish);
  if (wish !== undefined && known === undefined)
    losses.push({ field, reason: `${wish.slice(0, 60)} is no effort that is known` });
  if (known !== undefined) return known;
  return enabled === false || fieldsOf(body["thinking"])["type"] === "disabled" ? "none" : undefined;
}

function readBudget(body: Fields): ReasoningWish["budget"] {
  const own = numberOf(fieldsOf(body["reasoning"])["max_tokens"]);
  if (own !== undefined) return own;
  const { type, budget_tokens: tokens } = fieldsOf(body["thinking"]);
  if (type === "enabled" || type === "adaptive") return numberOf(tokens) ?? "dynamic";
  return fieldsOf(body["reasoning"])["enabled"] === true ? "dynamic" : undefined;
}

function readReasoning(body: Fields, losses: Loss[]): ReasoningWish | undefined {
  const object = readObject(body, "reasoning");
  readText(body, "reasoning_effort");
  readObject(body, "thinking");
  const effort = readEffort(body, losses);
  // An effort is the plainer word, and upstreams take one of the two only.
  const budget = effort === undefined ? readBudget(body) : undefined;
  const isHidden = object?.["exclude"] === true || body["include_reasoning"] === false;
  const isAsked = body["include_reasoning"] === true || (object !== undefined && effort !== "none");
  const isShown = isHidden ? false : isAsked || undefined;
  const summary = filledOf(object?.["summary"]);
  if (effort === undefined && budget === undefined && isShown === undefined && summary === undefined) return undefined;
  return { effort, budget, isShown, summary };
}

/** Fields of a body that `readSettings` reads. */
export const settingFields: readonly string[] = [
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "repetition_penalty",
  "logit_bias",
  "seed",
  "stop",
  "n",
  "logprobs",
  "top_logprobs",
  "response_format",
  "reasoning_effort",
  "reasoning",
  "include_reasoning",
  "thinking",
  "verbosity",
  "prompt_cache_key",
  "safety_identifier",
  "user",
  "service_tier",
  "metadata",
];

/** The settings of a request, without its messages and tools. Throws GatewayError (400) that names the field. */
export function readSettings(
  body: Fields,
  losses: Loss[],
): Omit<Conversation, "protocol" | "model" | "stream" | "turns" | "tools" | "extra" | "losses"> {
  return {
    maxOutputTokens: readNumber(body, "max_completion_tokens") ?? readNumber(body, "max_tokens"),
    temperature: readNumber(body, "temperature"),
    topP: readNumber(body, "top_p"),
    topK: readNumber(body, "top_k"),
    minP: readNumber(body, "min_p"),
    presencePenalty: readNumber(body, "presence_penalty"),
    frequencyPenalty: readNumber(body, "frequency_penalty"),
    repetitionPenalty: readNumber(body, "repetition_penalty"),
    logitBias: readLogitBias(body),
    seed: readNumber(body, "seed"),
    stop: readStop(body),
    count: readNumber(body, "n"),
    logprobs: readLogprobs(body),
    format: readFormat(body, losses),
    reasoning: readReasoning(body, losses),
    verbosity: readText(body, "verbosity"),
    cacheKey: readText(body, "prompt_cache_key"),
    user: readText(body, "safety_identifier") ?? readText(body, "user"),
    serviceTier: readText(body, "service_tier"),
    metadata: readObject(body, "metadata"),
  };
}

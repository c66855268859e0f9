import { invalidRequest } from "../../errors.ts";
import type { Conversation, OutputFormat, ReasoningWish } from "../canonical/conversation.ts";
import { isFields, noFields, numberOf, type Fields } from "../fields.ts";
import { isAbsent, otherFields, readNumber } from "../request-fields.ts";

type Settings = Pick<
  Conversation,
  | "maxOutputTokens"
  | "temperature"
  | "topP"
  | "topK"
  | "minP"
  | "presencePenalty"
  | "frequencyPenalty"
  | "repetitionPenalty"
  | "seed"
  | "stop"
  | "logprobs"
  | "format"
  | "reasoning"
  | "extra"
>;

/** Options with a place of their own in a conversation. */
const knownOptions: ReadonlySet<string> = new Set([
  "num_predict",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "repeat_penalty",
  "seed",
  "stop",
]);

/** How a machine of one's own loads and runs a model: no answer elsewhere depends on it. */
const machineOptions: ReadonlySet<string> = new Set([
  "num_ctx",
  "num_batch",
  "num_gpu",
  "num_keep",
  "num_thread",
  "main_gpu",
  "low_vram",
  "f16_kv",
  "logits_all",
  "numa",
  "use_mmap",
  "use_mlock",
  "vocab_only",
]);

const settingFields: ReadonlySet<string> = new Set([
  "model",
  "stream",
  "options",
  "format",
  "think",
  "logprobs",
  "top_logprobs",
  "keep_alive",
  "truncate",
  "shift",
]);

/** Ollama writes zero or less for "no limit" and "the default". */
function positive(number: number | undefined): number | undefined {
  return number !== undefined && number > 0 ? number : undefined;
}

function readStop(value: unknown): readonly string[] {
  if (isAbsent(value)) return [];
  const stop: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (stop.every((text) => typeof text === "string")) return stop.filter((text) => text !== "");
  throw invalidRequest("`options.stop` must be a list of texts.", "options.stop");
}

function readFormat(format: unknown): OutputFormat | undefined {
  if (format === undefined || format === null || format === "") return undefined;
  if (format === "json") return { type: "json" };
  if (isFields(format))
    return { type: "schema", name: undefined, description: undefined, schema: format, strict: undefined };
  throw invalidRequest('`format` must be "json" or a JSON Schema object.', "format");
}

function readThink(think: unknown): ReasoningWish | undefined {
  switch (think) {
    case undefined:
    case null:
    case "":
      return undefined;
    case true:
      return { budget: "dynamic", isShown: true };
    case false:
      return { effort: "none" };
    case "low":
    case "medium":
    case "high":
    case "max":
      return { effort: think, isShown: true };
    default:
      throw invalidRequest('`think` must be true, false, "low", "medium", "high" or "max".', "think");
  }
}

function readLogprobs(body: Fields): { top: number } | undefined {
  return body["logprobs"] === true ? { top: positive(numberOf(body["top_logprobs"])) ?? 0 } : undefined;
}

function readExtra(body: Fields, options: Fields, ownFields: ReadonlySet<string>): Fields {
  const fields = Object.entries(otherFields(body, settingFields)).filter(([key]) => !ownFields.has(key));
  const rest = Object.entries(otherFields(options, knownOptions)).filter(([key]) => !machineOptions.has(key));
  return Object.fromEntries([...fields, ...rest.map(([key, value]) => [`options.${key}`, value] as const)]);
}

/**
 * What chat and generate have in common behind their prompts. `ownFields` are the body's further fields that the caller
 * reads. Throws GatewayError (400) where a value cannot be what it should.
 */
export function decodeSettings(body: Fields, ownFields: ReadonlySet<string>): Settings {
  const options = body["options"] ?? noFields;
  if (!isFields(options)) throw invalidRequest("`options` must be an object.", "options");
  const number = (key: string): number | undefined => readNumber(options, key, `options.${key}`);
  const seed = number("seed");
  return {
    maxOutputTokens: positive(number("num_predict")),
    temperature: number("temperature"),
    topP: number("top_p"),
    topK: positive(number("top_k")),
    minP: positive(number("min_p")),
    presencePenalty: number("presence_penalty"),
    frequencyPenalty: number("frequency_penalty"),
    repetitionPenalty: number("repeat_penalty"),
    // -1 asks for another one each time.
    seed: seed === -1 ? undefined : seed,
    stop: readStop(options["stop"]),
    logprobs: readLogprobs(body),
    format: readFormat(body["format"]),
    reasoning: readThink(body["think"]),
    extra: readExtra(body, options, ownFields),
  };
}

import type { Conversation, OutputFormat } from "../canonical/conversation.ts";
import { isForced } from "../canonical/tool-choice.ts";
import type { Fields } from "../fields.ts";
import { cleanSchema } from "./clean-schema.ts";
import { loseSetting, type Encoding } from "./encoding.ts";
import { writeThinking } from "./write-thinking.ts";

const mostStops = 5;
const mostLogprobs = 20;

/** What Gemini has no word for. */
const unknownSettings = ["minP", "repetitionPenalty", "logitBias", "verbosity"] as const;

function writeSampling(conversation: Conversation, encoding: Encoding): Fields {
  const { temperature, topP, topK } = conversation;
  const { sampling, highestTemperature } = encoding.target.traits;
  if (sampling === "none") {
    for (const setting of ["temperature", "topP", "topK"] as const)
      if (conversation[setting] !== undefined) loseSetting(encoding, setting, "the model does not take it");
    return {};
  }
  if (temperature !== undefined && temperature > highestTemperature)
    loseSetting(encoding, "temperature", `lowered to ${highestTemperature}`);
  return {
    ...(temperature === undefined ? {} : { temperature: Math.min(temperature, highestTemperature) }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
  };
}

function writePenalties(conversation: Conversation, encoding: Encoding): Fields {
  const { presencePenalty, frequencyPenalty } = conversation;
  const penalties = {
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
  };
  // Gemini 2.5 refuses requests with either.
  if (encoding.target.traits.geminiGeneration === 3) return penalties;
  if ((presencePenalty ?? 0) !== 0) loseSetting(encoding, "presencePenalty", "the model does not take it");
  if ((frequencyPenalty ?? 0) !== 0) loseSetting(encoding, "frequencyPenalty", "the model does not take it");
  return {};
}

function writeStops({ stop }: Conversation, encoding: Encoding): Fields {
  const stopSequences = stop.filter((text) => text !== "").slice(0, mostStops);
  if (stop.length > mostStops) loseSetting(encoding, "stop", `only the first ${mostStops} are taken`);
  return stopSequences.length === 0 ? {} : { stopSequences };
}

function writeLimits(conversation: Conversation, encoding: Encoding): Fields {
  const { maxOutputTokens: wanted, seed, count } = conversation;
  const most = encoding.target.traits.maxOutputTokens;
  if (wanted !== undefined && most !== undefined && wanted > most)
    loseSetting(encoding, "maxOutputTokens", `lowered to ${most}`);
  if (count !== undefined && count > 1) loseSetting(encoding, "count", "only the first answer is passed on");
  return {
    ...(wanted === undefined ? {} : { maxOutputTokens: most === undefined ? wanted : Math.min(wanted, most) }),
    // Gemini's seeds have 32 bits.
    ...(seed === undefined ? {} : { seed: seed | 0 }),
    ...(count === undefined || count <= 1 ? {} : { candidateCount: count }),
  };
}

function writeLogprobs({ logprobs }: Conversation): Fields {
  if (logprobs === undefined) return {};
  const top = Math.min(logprobs.top, mostLogprobs);
  return { responseLogprobs: true, ...(top > 0 ? { logprobs: top } : {}) };
}

function isJson(format: OutputFormat | undefined): format is Exclude<OutputFormat, { type: "text" }> {
  return format !== undefined && format.type !== "text";
}

/** JSON output is refused beside functions by Gemini 2.5, and by all beside a forced call. */
function isFormatRefused(conversation: Conversation, { target }: Encoding): boolean {
  if (conversation.tools.length === 0) return false;
  return target.traits.geminiGeneration === 2 || isForced(conversation.toolChoice);
}

function writeFormat(conversation: Conversation, encoding: Encoding): Fields {
  const { format } = conversation;
  if (!isJson(format) || isFormatRefused(conversation, encoding)) return {};
  if (format.type === "json") return { responseMimeType: "application/json" };
  if (encoding.target.traits.structuredOutput)
    return { responseMimeType: "application/json", responseJsonSchema: cleanSchema(format.schema) };
  loseSetting(encoding, "format", "the model takes no schema; it is asked for JSON");
  return { responseMimeType: "application/json" };
}

/** What the model is told where it cannot be made to write JSON; `undefined` where it can, or need not. */
export function formatInstruction(conversation: Conversation, encoding: Encoding): string | undefined {
  const { format } = conversation;
  if (!isJson(format) || !isFormatRefused(conversation, encoding)) return undefined;
  loseSetting(encoding, "format", "not possible beside these tools; the model is only told of it");
  const schema = format.type === "schema" ? ` that follows this JSON Schema:\n${JSON.stringify(format.schema)}` : ".";
  return `When you answer without calling a tool, answer with nothing but JSON${schema}`;
}

/** `generationConfig`; empty when the client set nothing. */
export function writeSettings(conversation: Conversation, encoding: Encoding): Fields {
  for (const setting of unknownSettings) if (conversation[setting] !== undefined) loseSetting(encoding, setting);
  return {
    ...writeLimits(conversation, encoding),
    ...writeSampling(conversation, encoding),
    ...writePenalties(conversation, encoding),
    ...writeStops(conversation, encoding),
    ...writeLogprobs(conversation),
    ...writeFormat(conversation, encoding),
    ...writeThinking(conversation.reasoning, encoding),
  };
}

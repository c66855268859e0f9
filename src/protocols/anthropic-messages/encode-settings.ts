import type { Setting } from "../canonical/client-field.ts";
import { userDigest } from "../canonical/openai-words.ts";
import { isSilentField } from "../canonical/silent-fields.ts";
import { isBlank, lose, textBlock, type Block, type Encoding } from "./encoding.ts";
import { isObjectSchema } from "./encode-tools.ts";
import { strictSchema } from "./json-schema.ts";

const unknownHere = "not known to anthropic-messages";

/** Temperature as the protocol has it: from 0 to 1. */
function temperatureOf(encoding: Encoding, temperature: number): number {
  if (temperature <= 1) return temperature;
  lose(encoding, "temperature", "brought down to 1, the highest there is");
  return 1;
}

/** What a model that is not told anything does anyway. */
function isUsual(setting: "temperature" | "topP" | "topK", value: number): boolean {
  if (setting === "temperature") return value === 1;
  return setting === "topP" ? value >= 0.99 : value <= 0;
}

/** Why a sampling setting cannot go along; `undefined` when it can. */
function obstacleOf(
  setting: "temperature" | "topP" | "topK",
  encoding: Encoding,
  isThinking: boolean,
): string | undefined {
  const { conversation, target } = encoding;
  if (target.traits.sampling === "none") return "the model takes no sampling settings";
  if (isThinking && (setting !== "topP" || (conversation.topP ?? 1) < 0.95)) return "not taken while the model thinks";
  const isSecond = setting === "topP" && conversation.temperature !== undefined && target.traits.sampling === "one";
  return isSecond ? "the model takes temperature or top_p, not both" : undefined;
}

/** Temperature, top_p and top_k, as far as the model takes them. */
export function encodeSampling(encoding: Encoding, isThinking: boolean): Block {
  const sampling: Block = {};
  const names = { temperature: "temperature", topP: "top_p", topK: "top_k" } as const;
  for (const setting of ["temperature", "topP", "topK"] as const) {
    const value = encoding.conversation[setting];
    if (value === undefined) continue;
    const obstacle = obstacleOf(setting, encoding, isThinking);
    if (obstacle === undefined) {
      if (setting !== "topK" || value > 0)
        sampling[names[setting]] = setting === "temperature" ? temperatureOf(encoding, value) : value;
    } else if (!isUsual(setting, value)) lose(encoding, setting, obstacle);
  }
  return sampling;
}

/** Texts that end an answer; one of space alone is a 400. */
export function encodeStops(encoding: Encoding): Block {
  const { stop } = encoding.conversation;
  const stops = stop.filter((text) => !isBlank(text));
  if (stops.length < stop.length) lose(encoding, "stop", "a stop sequence must hold more than space");
  return stops.length === 0 ? {} : { stop_sequences: stops };
}

/** Settings that have no place in the protocol, with the values that mean nothing anyway. */
const strangers: readonly (readonly [Setting, unknown])[] = [
  ["minP", 0],
  ["presencePenalty", 0],
  ["frequencyPenalty", 0],
  ["repetitionPenalty", 1],
  ["seed", undefined],
  ["verbosity", "medium"],
];

export function loseStrangers(encoding: Encoding): void {
  const { conversation } = encoding;
  const values: Partial<Record<Setting, unknown>> = conversation;
  for (const [setting, usual] of strangers) {
    const value = values[setting];
    if (value !== undefined && value !== usual) lose(encoding, setting, unknownHere);
  }
  if (Object.keys(conversation.logitBias ?? {}).length > 0) lose(encoding, "logitBias", unknownHere);
  if (conversation.logprobs !== undefined) lose(encoding, "logprobs", unknownHere);
}

/** Fields of the client's own that nobody else knows; Anthropic's go back where they came from. */
export function encodeExtra({ conversation, losses }: Encoding): Block {
  const { extra, protocol } = conversation;
  if (protocol === "anthropic-messages") return { ...extra };
  for (const [field, value] of Object.entries(extra))
    if (!isSilentField(field, value)) losses.push({ field, reason: unknownHere });
  return {};
}

export function encodeServiceTier(encoding: Encoding): Block {
  const { serviceTier } = encoding.conversation;
  if (serviceTier === undefined || serviceTier === "auto") return {};
  if (serviceTier === "default" || serviceTier === "standard_only") return { service_tier: "standard_only" };
  lose(encoding, "serviceTier", `${serviceTier} is not known to anthropic-messages`);
  return {};
}

const longestUser = 256;

/** Who the client's user is. Anthropic refuses names and addresses, so other clients' words go as a hash. */
export function encodeUser({ conversation: { user, protocol } }: Encoding): Block {
  if (user === undefined) return {};
  const isOwn = protocol === "anthropic-messages" && user.length <= longestUser;
  const shown = isOwn ? user : userDigest(user);
  return { metadata: { user_id: shown } };
}

const onlyJson = "Answer with one JSON object and nothing else: no words around it and no code fence.";
const fittingJson =
  "Answer with JSON and nothing else: no words around it and no code fence. It must fit this JSON Schema:";

/** The form of the answer: for the decoder of newer models, or as an instruction. `answerTool` stands for it otherwise. */
export function encodeFormat({ conversation, target }: Encoding): { format?: Block; instruction?: Block } {
  const { format } = conversation;
  if (format === undefined || format.type === "text") return {};
  if (format.type === "json") return { instruction: textBlock(onlyJson) };
  if (target.traits.structuredOutput) {
    const schema = strictSchema(format.schema);
    const { description } = format;
    const described = description === undefined || "description" in schema ? schema : { ...schema, description };
    return { format: { type: "json_schema", schema: described } };
  }
  if (isObjectSchema(format.schema)) return {};
  return { instruction: textBlock(`${fittingJson} ${JSON.stringify(format.schema)}`) };
}

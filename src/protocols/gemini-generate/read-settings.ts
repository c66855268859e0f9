import type { Conversation, Effort, Loss, OutputFormat, ReasoningWish } from "../canonical/conversation.ts";
import { fieldsOf, isFields, type Fields } from "../fields.ts";
import { jsonSchemaOf } from "./openapi-schema.ts";
import {
  otherFields,
  protoBoolean,
  protoEnum,
  protoField,
  protoList,
  protoNumber,
  protoObject,
  protoText,
} from "./proto-fields.ts";

type Settings = Pick<
  Conversation,
  | "maxOutputTokens"
  | "temperature"
  | "topP"
  | "topK"
  | "presencePenalty"
  | "frequencyPenalty"
  | "seed"
  | "stop"
  | "count"
  | "logprobs"
  | "format"
  | "reasoning"
>;

const numbers = {
  maxOutputTokens: "maxOutputTokens",
  temperature: "temperature",
  topP: "topP",
  topK: "topK",
  presencePenalty: "presencePenalty",
  frequencyPenalty: "frequencyPenalty",
  seed: "seed",
  candidateCount: "count",
} as const satisfies Record<string, keyof Settings>;

type NumberSetting = (typeof numbers)[keyof typeof numbers];

const known = new Set([
  ...Object.keys(numbers),
  "stopSequences",
  "responseLogprobs",
  "logprobs",
  "responseMimeType",
  "responseSchema",
  "responseJsonSchema",
  "_responseJsonSchema",
  "responseFormat",
  "responseModalities",
  "thinkingConfig",
]);

const effortOfLevel: Readonly<Record<string, Effort>> = {
  MINIMAL: "minimal",
  LOW: "low",
  MEDIUM: "medium",
  HIGH: "high",
};

function readThinking(config: Fields): ReasoningWish | undefined {
  const thinking = protoObject(config, "thinkingConfig", "generationConfig.thinkingConfig");
  if (thinking === undefined) return undefined;
  const budget = protoNumber(thinking, "thinkingBudget", "generationConfig.thinkingConfig.thinkingBudget");
  const level = protoEnum(thinking, "thinkingLevel", "THINKING_LEVEL_") ?? "";
  const effort = Object.hasOwn(effortOfLevel, level) ? effortOfLevel[level] : undefined;
  const isShown = protoBoolean(thinking, "includeThoughts");
  const shown = isShown === undefined ? {} : { isShown };
  if (budget === 0) return { effort: "none", ...shown };
  if (effort !== undefined) return { effort, ...shown };
  if (budget !== undefined) return { budget: budget < 0 ? "dynamic" : budget, ...shown };
  return isShown === undefined ? undefined : shown;
}

function schemaFormat(schema: unknown): OutputFormat {
  return isFields(schema)
    ? { type: "schema", name: undefined, description: undefined, schema, strict: undefined }
    : { type: "json" };
}

interface Wanted {
  mimeType: string | undefined;
  schema: unknown;
}

/** The newer spelling, a list of which one is for text. */
function textFormatOf(config: Fields): Wanted | undefined {
  const text = protoList(config, "responseFormat")
    .map((format) => protoField(fieldsOf(format), "text"))
    .find(isFields);
  if (text === undefined) return undefined;
  return { mimeType: protoText(text, "mimeType"), schema: jsonSchemaOf(protoField(text, "schema")) };
}

function wantedOf(config: Fields): Wanted {
  const schema =
    protoField(config, "responseJsonSchema") ??
    config["_responseJsonSchema"] ??
    jsonSchemaOf(protoField(config, "responseSchema"));
  return textFormatOf(config) ?? { mimeType: protoText(config, "responseMimeType"), schema };
}

function readFormat(config: Fields, losses: Loss[]): OutputFormat | undefined {
  const { mimeType: type, schema } = wantedOf(config);
  const mimeType = type?.toLowerCase();
  if (mimeType === undefined) return isFields(schema) ? schemaFormat(schema) : undefined;
  if (mimeType === "application/json") return schemaFormat(schema);
  if (mimeType === "text/plain") return { type: "text" };
  losses.push({ field: "generationConfig.responseMimeType", reason: `${mimeType} is known to gemini-generate only` });
  return undefined;
}

function readLogprobs(config: Fields): { top: number } | undefined {
  if (protoBoolean(config, "responseLogprobs") !== true) return undefined;
  return { top: protoNumber(config, "logprobs", "generationConfig.logprobs") ?? 0 };
}

function otherModalities(config: Fields): string[] {
  return protoList(config, "responseModalities").filter(
    (modality): modality is string => typeof modality === "string" && modality.toUpperCase() !== "TEXT",
  );
}

/** `generationConfig`; what only Gemini knows of it comes as `extra`. */
export function readSettings(body: Fields): { settings: Settings; extra: Fields; losses: Loss[] } {
  const config = protoObject(body, "generationConfig", "generationConfig") ?? {};
  const losses: Loss[] = [];
  const found: Partial<Record<NumberSetting, number>> = {};
  for (const [field, key] of Object.entries(numbers)) {
    const value = protoNumber(config, field, `generationConfig.${field}`);
    if (value !== undefined) found[key] = value;
  }
  const format = readFormat(config, losses);
  const logprobs = readLogprobs(config);
  const reasoning = readThinking(config);
  const extra = otherFields(config, known).map(([key, value]) => [`generationConfig.${key}`, value] as const);
  const modalities = otherModalities(config);
  if (modalities.length > 0) extra.push(["generationConfig.responseModalities", modalities]);
  return {
    settings: {
      ...found,
      stop: protoList(config, "stopSequences").filter(
        (text): text is string => typeof text === "string" && text !== "",
      ),
      ...(format === undefined ? {} : { format }),
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(reasoning === undefined ? {} : { reasoning }),
    },
    extra: Object.fromEntries(extra),
    losses,
  };
}

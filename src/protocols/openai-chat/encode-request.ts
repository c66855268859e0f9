import type { EncodedRequest, Target } from "../canonical/codec.ts";
import type { Conversation } from "../canonical/conversation.ts";
import { createLosses } from "../canonical/losses.ts";
import { isSilentField } from "../canonical/silent-fields.ts";
import { createToolNames, openaiNames } from "../canonical/tool-names.ts";
import type { Fields } from "../fields.ts";
import { encodeMessages } from "./encode-messages.ts";
import { encodeSettings } from "./encode-settings.ts";
import { encodeTools } from "./encode-tools.ts";
import type { Encoding } from "./encoding.ts";

function saysNothing(value: unknown): boolean {
  if (value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** Fields of this protocol that have no place in a conversation go on as they are; those of others are told of. */
function extraFields({ conversation: { protocol, extra }, losses }: Encoding): Fields {
  if (protocol === "openai-chat") return extra;
  for (const [field, value] of Object.entries(extra))
    if (!saysNothing(value) && !isSilentField(field, value)) losses.add(field, `${field} is not known to openai-chat`);
  return {};
}

function mentionsJson(messages: readonly Fields[]): boolean {
  return messages.some(({ content }) => /json/i.test(typeof content === "string" ? content : JSON.stringify(content)));
}

/** What a model must be told in words: JSON mode wants to be mentioned, and a schema that is not enforced wants to be read. */
function formatInstruction(
  { conversation: { format }, target }: Encoding,
  messages: readonly Fields[],
): string | undefined {
  if (format?.type === "schema" && !target.traits.structuredOutput)
    return `Answer with nothing but a JSON object that follows this JSON Schema:\n${JSON.stringify(format.schema)}`;
  return format?.type === "json" && !mentionsJson(messages) ? "Answer with nothing but a JSON object." : undefined;
}

/** Put with the first system message: some templates take one only. */
function withInstruction(messages: readonly Fields[], instruction: string | undefined): readonly Fields[] {
  if (instruction === undefined) return messages;
  const [first, ...rest] = messages;
  const isSystem = first?.["role"] === "system" || first?.["role"] === "developer";
  if (!isSystem) return [{ role: "system", content: instruction }, ...messages];
  const { content } = first;
  const joined: unknown =
    typeof content === "string"
      ? `${content}\n\n${instruction}`
      : [...(content as Fields[]), { type: "text", text: instruction }];
  return [{ ...first, content: joined }, ...rest];
}

/** A conversation as a chat completion request. Throws GatewayError (400) where something of it must not be left out. */
export function encodeChatRequest(conversation: Conversation, target: Target): EncodedRequest {
  const losses = createLosses();
  const names = createToolNames(conversation, openaiNames);
  const encoding: Encoding = { conversation, target, names, losses };
  const messages = encodeMessages(encoding);
  const body = {
    ...extraFields(encoding),
    model: target.model,
    messages: withInstruction(messages, formatInstruction(encoding, messages)),
    ...encodeTools(encoding),
    ...encodeSettings(encoding),
    ...(conversation.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
  };
  return { body, losses: losses.list, toolNames: names.renamed() };
}

import type { Conversation, Loss } from "../canonical/conversation.ts";
import { filledOf, isFields, type Fields } from "../fields.ts";
import { readBoolean } from "../request-fields.ts";
import { readMessages } from "./decode-messages.ts";
import { cacheOf } from "./decode-parts.ts";
import { readSettings, settingFields } from "./decode-settings.ts";
import { readToolChoice, readTools } from "./decode-tools.ts";

/** Fields that have a place in a conversation. */
const placed = new Set([
  ...settingFields,
  "model",
  "messages",
  "tools",
  "functions",
  "tool_choice",
  "function_call",
  "parallel_tool_calls",
  "cache_control",
]);

/** How an answer is carried or kept, and hints for a cache: nothing of the answer itself is lost with them. */
const transport = new Set(["stream", "stream_options", "usage", "prompt_cache_options", "prompt_cache_retention"]);

function isMeaningless(field: string, value: unknown): boolean {
  if (value === null || value === undefined || transport.has(field)) return true;
  if (field === "store") return value === false;
  return field === "modalities" && Array.isArray(value) && value.every((entry) => entry === "text");
}

function extraOf(body: Fields): Fields {
  const rest = Object.entries(body).filter(([field, value]) => !placed.has(field) && !isMeaningless(field, value));
  return Object.fromEntries(rest);
}

/** Names of speakers have no place; one line tells of them all. */
function lostNames({ messages }: Fields): Loss[] {
  const index = (messages as unknown[]).findIndex(
    (message) =>
      isFields(message) &&
      filledOf(message["name"]) !== undefined &&
      message["role"] !== "tool" &&
      message["role"] !== "function",
  );
  return index === -1 ? [] : [{ field: `messages[${index}].name`, reason: "names of speakers are not carried" }];
}

function readParallel(body: Fields): boolean | undefined {
  // Functions of before are called one at a time.
  const isLegacy = Array.isArray(body["functions"]) && (body["tools"] ?? undefined) === undefined;
  return readBoolean(body, "parallel_tool_calls") ?? (isLegacy ? false : undefined);
}

/** A chat completion request as a conversation. Throws GatewayError (400) that names the field it cannot read. */
export function decodeChatRequest(body: Fields): Conversation {
  const turns = readMessages(body);
  const losses: Loss[] = lostNames(body);
  const tools = readTools(body, losses);
  return {
    protocol: "openai-chat",
    model: filledOf(body["model"]),
    stream: readBoolean(body, "stream") ?? false,
    turns,
    tools,
    toolChoice: readToolChoice(body, losses),
    parallelToolCalls: readParallel(body),
    ...readSettings(body, losses),
    cache: cacheOf(body),
    extra: extraOf(body),
    losses,
  };
}

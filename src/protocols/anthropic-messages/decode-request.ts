import { invalidRequest } from "../../errors.ts";
import {
  efforts,
  type Conversation,
  type Loss,
  type OutputFormat,
  type ReasoningWish,
  type Turn,
} from "../canonical/conversation.ts";
import { fieldsOf, filledOf, isFields, stringOf, type Fields } from "../fields.ts";
import { markOf, otherFields, readList, readNumber, readObject } from "../request-fields.ts";
import { assistantParts, systemParts, userParts, type Place } from "./decode-blocks.ts";
import { readTools } from "./decode-tools.ts";
import { detailsKey } from "./error.ts";

/** Fields that have a place in a conversation; whatever else means something goes to `extra`. */
const placed = new Set([
  "model",
  "stream",
  "system",
  "messages",
  "tools",
  "tool_choice",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "thinking",
  "output_config",
  "output_format",
  "metadata",
  "service_tier",
  "cache_control",
]);

function turn(role: Turn["role"], parts: Turn["parts"]): Turn[] {
  return parts.length === 0 ? [] : [{ role, parts }];
}

function readMessage(message: unknown, index: number, losses: Loss[]): Turn[] {
  const path = `messages[${index}]`;
  if (!isFields(message)) throw invalidRequest(`\`${path}\` must be an object.`, path);
  const { role, content } = message;
  const place: Place = { path: `${path}.content`, losses };
  if (role === "assistant") return turn("assistant", assistantParts(content, place));
  if (role === "system") return turn("system", systemParts(content, place));
  if (role !== "user") throw invalidRequest(`\`${path}.role\` must be user, assistant or system.`, `${path}.role`);
  const { results, parts } = userParts(content, place);
  return [...turn("tool", results), ...turn("user", parts)];
}

function readTurns(body: Fields, losses: Loss[]): Turn[] {
  const { system, messages } = body;
  if (!Array.isArray(messages)) throw invalidRequest("`messages` must be an array.", "messages");
  const leading = system === undefined || system === null ? [] : systemParts(system, { path: "system", losses });
  return [...turn("system", leading), ...messages.flatMap((message, index) => readMessage(message, index, losses))];
}

const shownAs: Readonly<Record<string, boolean>> = { summarized: true, omitted: false };

function readReasoning(body: Fields, losses: Loss[]): ReasoningWish | undefined {
  const thinking = readObject(body, "thinking");
  const wish = filledOf(fieldsOf(body["output_config"])["effort"]);
  const effort = efforts.find((known) => known === wish);
  if (wish !== undefined && effort === undefined)
    losses.push({ field: "output_config.effort", reason: `${wish} is no effort that is known` });
  if (thinking === undefined) return effort === undefined ? undefined : { effort };
  if (thinking["type"] === "disabled") return { effort: "none" };
  const isEnabled = thinking["type"] === "enabled";
  const display = filledOf(thinking["display"]);
  return {
    effort,
    // Whatever else there is ("adaptive", "between_tools") leaves the amount to the model.
    budget: (isEnabled ? readNumber(thinking, "budget_tokens") : undefined) ?? "dynamic",
    // Who asks for thinking by a budget is shown it, unless it says otherwise.
    isShown: display !== undefined && Object.hasOwn(shownAs, display) ? shownAs[display] : isEnabled || undefined,
  };
}

function readFormat(body: Fields): OutputFormat | undefined {
  const format = fieldsOf(fieldsOf(body["output_config"])["format"] ?? body["output_format"]);
  const { schema } = format;
  if (format["type"] !== "json_schema") return undefined;
  if (!isFields(schema))
    throw invalidRequest("`output_config.format.schema` must be an object.", "output_config.format");
  return { type: "schema", name: undefined, description: undefined, schema, strict: undefined };
}

/** What else Anthropic's models are told of their output, e.g. a budget for a whole task. */
function loseOutputConfig(body: Fields, losses: Loss[]): void {
  for (const field of Object.keys(fieldsOf(body["output_config"]))) {
    if (field === "effort" || field === "format") continue;
    losses.push({ field: `output_config.${field}`, reason: "known to Anthropic's own API only" });
  }
}

function readStops(body: Fields): string[] {
  return readList(body, "stop_sequences").map((stop, index) => {
    const text = stringOf(stop);
    if (text === undefined)
      throw invalidRequest(`\`stop_sequences[${index}]\` must be a text.`, `stop_sequences[${index}]`);
    return text;
  });
}

/** OpenAI's word for what Anthropic calls `standard_only`. */
function serviceTierOf(body: Fields): string | undefined {
  const tier = filledOf(body["service_tier"]);
  return tier === "standard_only" ? "default" : tier;
}

/** A thread's earlier turns are at Anthropic only. Its SDKs know this error, and send the whole conversation without a thread. */
function refuseThread({ thread }: { thread?: unknown }): void {
  if (thread === undefined || thread === null) return;
  const message = "`thread` is not available for this model; send all messages and no thread.";
  const details = { error_code: "thread_unsupported_request", unsupported: ["thread"] };
  throw invalidRequest(message, "thread").with({ details: { [detailsKey]: details } });
}

/** An Anthropic request as a conversation. Throws GatewayError (400) that names the field where it cannot be read. */
export function decodeRequest(body: Fields): Conversation {
  refuseThread(body);
  const losses: Loss[] = [];
  loseOutputConfig(body, losses);
  return {
    protocol: "anthropic-messages",
    model: filledOf(body["model"]),
    stream: body["stream"] === true,
    turns: readTurns(body, losses),
    ...readTools(body, losses),
    maxOutputTokens: readNumber(body, "max_tokens"),
    temperature: readNumber(body, "temperature"),
    topP: readNumber(body, "top_p"),
    topK: readNumber(body, "top_k"),
    stop: readStops(body),
    reasoning: readReasoning(body, losses),
    format: readFormat(body),
    cache: markOf(body["cache_control"]),
    user: filledOf(fieldsOf(body["metadata"])["user_id"]),
    serviceTier: serviceTierOf(body),
    extra: otherFields(body, placed),
    losses,
  };
}

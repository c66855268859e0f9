import { invalidRequest } from "../../errors.ts";
import {
  efforts,
  type Conversation,
  type OutputFormat,
  type ReasoningWish,
  type Turn,
} from "../canonical/conversation.ts";
import { createLosses, type Losses } from "../canonical/losses.ts";
import { booleanOf, fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { isAbsent, otherFields, readNumber } from "../request-fields.ts";
import { readItems } from "./decode-items.ts";
import { readToolChoice, readTools, type ToolList } from "./decode-tools.ts";

/** Fields that have a place in a conversation, are the gateway's own, or mean nothing to another upstream. */
const placed = new Set([
  "model",
  "stream",
  "stream_options",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "top_logprobs",
  "text",
  "reasoning",
  "include",
  "metadata",
  "client_metadata",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "service_tier",
  "store",
  "previous_response_id",
  "background",
  "conversation",
  "prompt",
  // It limits calls of tools that run at OpenAI, and there are none.
  "max_tool_calls",
]);

/** What only an upstream that keeps responses can do. */
function refuseStored(body: Fields): void {
  if (body["background"] === true)
    throw invalidRequest(
      "`background` is not supported for this model; leave it out and stream instead.",
      "background",
    );
  if (!isAbsent(body["conversation"]))
    throw invalidRequest(
      "`conversation` is not supported for this model; send the whole conversation in `input`, or `previous_response_id`.",
      "conversation",
    );
  if (!isAbsent(body["prompt"]))
    throw invalidRequest("`prompt` is kept at OpenAI; send its text in `instructions` or `input` instead.", "prompt");
}

function readInput(input: unknown): readonly unknown[] {
  if (isAbsent(input)) throw invalidRequest("`input` is missing; send a text or an array of items.", "input");
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  if (!Array.isArray(input)) throw invalidRequest("`input` must be a text or an array of items.", "input");
  return listOf(input);
}

/** Codex puts tools into its input. */
function toolLists(body: Fields, items: readonly unknown[]): ToolList[] {
  const further = items.flatMap((item, index): ToolList[] => {
    const fields = fieldsOf(item);
    return fields["type"] === "additional_tools" ? [{ value: fields["tools"], path: `input[${index}].tools` }] : [];
  });
  return [{ value: body["tools"], path: "tools" }, ...further];
}

function readInstructions(instructions: unknown): Turn[] {
  if (isAbsent(instructions) || instructions === "") return [];
  if (typeof instructions !== "string") throw invalidRequest("`instructions` must be a text.", "instructions");
  return [{ role: "system", parts: [{ type: "text", text: instructions }] }];
}

function readFormat(text: Fields): OutputFormat | undefined {
  const { format } = text;
  if (isAbsent(format)) return undefined;
  const fields = fieldsOf(format);
  switch (fields["type"]) {
    case "text":
      return { type: "text" };
    case "json_object":
      return { type: "json" };
    case "json_schema": {
      // Clients of chat completions nest it.
      const facts = isFields(fields["json_schema"]) ? fields["json_schema"] : fields;
      const { schema } = facts;
      if (!isFields(schema)) throw invalidRequest("`text.format.schema` must be an object.", "text.format.schema");
      const description = filledOf(facts["description"]);
      return { type: "schema", name: filledOf(facts["name"]), description, schema, strict: booleanOf(facts["strict"]) };
    }
    default:
      throw invalidRequest("`text.format.type` must be text, json_object or json_schema.", "text.format.type");
  }
}

function readReasoning(body: Fields, losses: Losses): ReasoningWish | undefined {
  if (!isFields(body["reasoning"])) return undefined;
  const { effort: wish, summary, generate_summary: olderSummary, mode, context } = body["reasoning"];
  const effort = efforts.find((known) => known === wish);
  if (effort === undefined && !isAbsent(wish)) losses.add("reasoning.effort", "no effort that is known");
  if (!isAbsent(mode) && mode !== "standard") losses.add("reasoning.mode", "a mode that only OpenAI's own API has");
  // All reasoning that comes back is given on, which is what `auto` and `all_turns` ask for.
  if (context === "current_turn") losses.add("reasoning.context", "all reasoning that is sent is given on");
  const shown = filledOf(summary) ?? filledOf(olderSummary);
  const isShown = shown === undefined ? undefined : shown !== "none";
  return {
    ...(effort === undefined ? {} : { effort }),
    ...(isShown === undefined ? {} : { isShown }),
    ...(isShown === true ? { summary: shown } : {}),
  };
}

function readLogprobs(body: Fields): Conversation["logprobs"] {
  const top = readNumber(body, "top_logprobs") ?? 0;
  const isAsked = listOf(body["include"]).includes("message.output_text.logprobs");
  return isAsked || top > 0 ? { top } : undefined;
}

/** What is the default says nothing. */
function extraOf(body: Fields): Fields {
  const { truncation, ...rest } = otherFields(body, placed);
  return truncation === undefined || truncation === "disabled" ? rest : { ...rest, truncation };
}

function readSettings(body: Fields): Partial<Conversation> {
  const text = fieldsOf(body["text"]);
  return {
    parallelToolCalls: booleanOf(body["parallel_tool_calls"]),
    maxOutputTokens: readNumber(body, "max_output_tokens"),
    temperature: readNumber(body, "temperature"),
    topP: readNumber(body, "top_p"),
    topK: readNumber(body, "top_k"),
    minP: readNumber(body, "min_p"),
    presencePenalty: readNumber(body, "presence_penalty"),
    frequencyPenalty: readNumber(body, "frequency_penalty"),
    logprobs: readLogprobs(body),
    format: readFormat(text),
    verbosity: stringOf(text["verbosity"]),
    cacheKey: filledOf(body["prompt_cache_key"]),
    user: filledOf(body["safety_identifier"]) ?? filledOf(body["user"]),
    serviceTier: filledOf(body["service_tier"]),
    metadata: isFields(body["metadata"]) ? body["metadata"] : undefined,
  };
}

/**
 * A request for a response as a conversation. What `previous_response_id` names must be in `input` by now. Throws
 * GatewayError (400) that names the field where it cannot be read.
 */
export function decodeRequest(body: Fields): Conversation {
  refuseStored(body);
  const losses = createLosses({ onceBy: "reason" });
  const items = readInput(body["input"]);
  const book = readTools(toolLists(body, items), losses);
  return {
    protocol: "openai-responses",
    model: filledOf(body["model"]),
    stream: body["stream"] === true,
    turns: [...readInstructions(body["instructions"]), ...readItems(items, { book, losses })],
    tools: book.tools,
    toolChoice: readToolChoice(body["tool_choice"], book, losses),
    ...readSettings(body),
    stop: [],
    reasoning: readReasoning(body, losses),
    extra: extraOf(body),
    losses: losses.list,
  };
}

/** The body of POST /v1/responses/input_tokens, in which everything may be missing, as a conversation to be counted. */
export function decodeInputTokensRequest(body: Fields): Conversation {
  const { conversation: _kept, prompt: _stored, background: _mode, ...counted } = body;
  return decodeRequest({ ...counted, input: body["input"] ?? [] });
}

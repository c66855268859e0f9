import type { Target } from "../canonical/codec.ts";
import { safeCallId } from "../canonical/call-ids.ts";
import type {
  Conversation,
  Part,
  ReasoningPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from "../canonical/conversation.ts";
import { ownOpaque } from "../canonical/opaque-token.ts";
import { clientField } from "../canonical/client-field.ts";
import type { Losses } from "../canonical/losses.ts";
import type { ToolNames } from "../canonical/tool-names.ts";
import { isSystemTurn } from "../canonical/turns.ts";
import { isFields, type Fields } from "../fields.ts";
import { encodeInputParts, encodeOutput, type PartContext } from "./encode-parts.ts";

export interface ItemOptions {
  conversation: Conversation;
  target: Target;
  names: ToolNames;
  losses: Losses;
}

export interface EncodedInput {
  instructions: string | undefined;
  input: Fields[];
}

function digest(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 32);
}

/** OpenAI's longest id of a call has 64 characters. */
function callIdOf(id: string): string {
  const safe = safeCallId(id);
  return safe.length <= 64 ? safe : `call_${digest(id)}`;
}

function isPlainText(part: Part, takesCacheMarks: boolean): boolean {
  return part.type === "text" && (part.cache === undefined || !takesCacheMarks);
}

/** How many turns at the start are the system's and plain text: they become `instructions`. */
function leadingSystem(turns: readonly Turn[], takesCacheMarks: boolean): number {
  const first = turns.findIndex(
    (turn) => !isSystemTurn(turn) || !turn.parts.every((part) => isPlainText(part, takesCacheMarks)),
  );
  return first === -1 ? turns.length : first;
}

function joinedText(turns: readonly Turn[]): string | undefined {
  const texts = turns.flatMap(({ parts }) => parts.map((part) => (part.type === "text" ? part.text : "")));
  const filled = texts.filter((text) => text !== "");
  return filled.length === 0 ? undefined : filled.join("\n\n");
}

function createItemEncoder({ conversation, target, names, losses }: ItemOptions, context: PartContext) {
  const calls = new Map<string, ToolCallPart>();
  const field = clientField(conversation.protocol, "turns");
  let ids = 0;

  /** Counted, so that an item keeps its id while a conversation grows. */
  function nextId(prefix: string): string {
    ids += 1;
    return `${prefix}_${ids}`;
  }

  /** OpenAI takes back what it encrypted itself; some models want their thoughts as text. */
  function reasoning({ text, opaque, isSummary }: ReasoningPart): Fields[] {
    const own = ownOpaque(opaque, "openai-encrypted", target.origin);
    if (own.length === 0) {
      if (!target.traits.wantsReasoningContent || text === "") return [];
      return [{ type: "reasoning", id: nextId("rs"), summary: [], content: [{ type: "reasoning_text", text }] }];
    }
    const summary = text === "" || isSummary === false ? [] : [{ type: "summary_text", text }];
    return own.map(({ data }, index) => ({
      type: "reasoning",
      id: nextId("rs"),
      summary: index === 0 ? summary : [],
      encrypted_content: data,
    }));
  }

  function call(part: ToolCallPart): Fields {
    calls.set(part.id, part);
    const shared = { call_id: callIdOf(part.id), name: names.upstream(part.name) };
    if (part.kind === "custom") return { type: "custom_tool_call", ...shared, input: part.input };
    return { type: "function_call", ...shared, arguments: part.input === "" ? "{}" : part.input };
  }

  function result(part: ToolResultPart): Fields[] {
    const answered = calls.get(part.callId);
    if (answered === undefined) {
      losses.add(field, "the result of a tool call that is not in the conversation is left out");
      return [];
    }
    const type = answered.kind === "custom" ? "custom_tool_call_output" : "function_call_output";
    return [{ type, call_id: callIdOf(part.callId), output: encodeOutput(part, context) }];
  }

  function message(content: Fields[]): Fields[] {
    if (content.length === 0) return [];
    return [{ type: "message", id: nextId("msg"), role: "assistant", status: "completed", content }];
  }

  function picture(part: Extract<Part, { type: "image" }>): Fields[] {
    const { source } = part;
    if (source.kind !== "base64") {
      losses.add(field, "a picture of the assistant that is not inline is not supported by openai-responses");
      return [];
    }
    return [{ type: "image_generation_call", id: nextId("ig"), status: "completed", result: source.data }];
  }

  /** Reasoning goes directly before what it led to; OpenAI refuses reasoning that nothing follows. */
  function assistant(parts: readonly Part[]): Fields[] {
    const items: Fields[] = [];
    let thoughts: Fields[] = [];
    let content: Fields[] = [];
    const add = (added: readonly Fields[]): void => {
      if (added.length === 0) return;
      items.push(...thoughts, ...added);
      thoughts = [];
    };
    const endMessage = (): void => {
      add(message(content));
      content = [];
    };
    for (const part of parts) {
      if (part.type === "text" && part.text !== "")
        content.push({ type: "output_text", text: part.text, annotations: [] });
      else if (part.type === "refusal" && part.text !== "") content.push({ type: "refusal", refusal: part.text });
      if (part.type === "text" || part.type === "refusal") continue;
      endMessage();
      if (part.type === "reasoning") thoughts.push(...reasoning(part));
      else add(other(part));
    }
    endMessage();
    return items;
  }

  function other(part: Exclude<Part, { type: "text" | "refusal" | "reasoning" }>): Fields[] {
    switch (part.type) {
      case "tool_call":
        return [call(part)];
      case "tool_result":
        return result(part);
      case "image":
        return picture(part);
      case "opaque":
        if (part.protocol === "openai-responses" && isFields(part.value)) return [part.value];
        losses.add(field, `a part that only ${part.protocol} knows is not supported by openai-responses`);
        return [];
      case "audio":
      case "file":
        losses.add(field, `${part.type} of the assistant is not supported by openai-responses`);
    }
    return [];
  }

  /** Results stand in items of their own, whatever turn they came in. */
  function input(role: string, parts: readonly Part[]): Fields[] {
    const results = parts.flatMap((part) => (part.type === "tool_result" ? result(part) : []));
    const content = encodeInputParts(
      parts.filter(({ type }) => type !== "tool_result"),
      context,
    );
    return content.length === 0 ? results : [...results, { type: "message", role, content }];
  }

  return ({ role, parts }: Turn): Fields[] => {
    if (role === "assistant") return assistant(parts);
    if (role === "developer") return input(target.traits.developerRole ? "developer" : "system", parts);
    return input(role === "system" ? "system" : "user", parts);
  };
}

/** What the model is told of a JSON answer where it is asked for one without a schema; `undefined` where it is not. */
function jsonWish({ format }: Conversation, { traits }: Target): string | undefined {
  if (format?.type === "json") return "Answer with one JSON object.";
  if (format?.type !== "schema" || traits.structuredOutput) return undefined;
  return `Answer with one JSON object that fits this JSON Schema: ${JSON.stringify(format.schema)}`;
}

function reminderOf(text: string): Fields {
  return { type: "message", role: "system", content: [{ type: "input_text", text }] };
}

function mentionsJson(input: readonly Fields[]): boolean {
  return /json/i.test(JSON.stringify(input));
}

/** The turns of a conversation as items, in order; what leads as the system's words becomes `instructions`. */
export function encodeInput(options: ItemOptions): EncodedInput {
  const { conversation, target, losses } = options;
  const takesCacheMarks = target.traits.chatCache !== "none";
  const wish = jsonWish(conversation, target);
  const system = leadingSystem(conversation.turns, takesCacheMarks);
  // A request must have input, and for JSON the word must stand there: OpenAI does not look for it in the instructions.
  const leading = system === conversation.turns.length || wish !== undefined ? 0 : system;
  const encode = createItemEncoder(options, { conversation, takesCacheMarks, losses });
  const input = conversation.turns.slice(leading).flatMap(encode);
  // Other protocols have no such rule; a schema is said in any case.
  const isReminded = wish !== undefined && (conversation.format?.type === "schema" || !mentionsJson(input));
  return {
    instructions: joinedText(conversation.turns.slice(0, leading)),
    input: isReminded ? [reminderOf(wish), ...input] : input,
  };
}

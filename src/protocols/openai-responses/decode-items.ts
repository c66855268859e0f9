import { invalidRequest } from "../../errors.ts";
import type { Opaque, Part, ReasoningPart, ToolCallPart, Turn } from "../canonical/conversation.ts";
import { readOpaque } from "../canonical/opaque-token.ts";
import type { Losses } from "../canonical/losses.ts";
import { filledOf, isFields, stringOf, type Fields } from "../fields.ts";
import { readContent, readOutput, readThoughts } from "./decode-parts.ts";
import type { ToolBook } from "./decode-tools.ts";

interface ItemContext {
  book: ToolBook;
  losses: Losses;
}

interface OpenTurn {
  role: Turn["role"];
  parts: Part[];
}

/** Items as turns: what the model said in a row is one turn, and so are results in a row. */
interface TurnBuilder {
  readonly turns: OpenTurn[];
  add(role: Turn["role"], parts: readonly Part[]): void;
  /** The id of the call that a result without one answers: the oldest of that name that has none yet. */
  callAnswered(name: string | undefined): string | undefined;
  markAnswered(id: string): void;
}

function createTurnBuilder(): TurnBuilder {
  const turns: OpenTurn[] = [];
  let waiting: ToolCallPart[] = [];
  return {
    turns,
    add(role, parts) {
      for (const part of parts) if (part.type === "tool_call") waiting.push(part);
      const last = turns.at(-1);
      const joins = last?.role === role && (role === "assistant" || role === "tool");
      if (joins) last.parts.push(...parts);
      else if (parts.length > 0) turns.push({ role, parts: [...parts] });
    },
    callAnswered: (name) => waiting.find((call) => name === undefined || call.name === name)?.id,
    markAnswered(id) {
      waiting = waiting.filter((call) => call.id !== id);
    },
  };
}

const roles: readonly Turn["role"][] = ["system", "developer", "user", "assistant"];

function readMessage(item: Fields, path: string, { losses }: ItemContext): OpenTurn {
  const role = roles.find((known) => known === item["role"]);
  if (role === undefined)
    throw invalidRequest(`\`${path}.role\` must be system, developer, user or assistant.`, `${path}.role`);
  return { role, parts: readContent(item["content"], { path: `${path}.content`, losses }) };
}

function readCall(item: Fields, path: string, { book }: ItemContext): ToolCallPart {
  const id = filledOf(item["call_id"]) ?? filledOf(item["id"]);
  if (id === undefined) throw invalidRequest(`\`${path}.call_id\` is missing.`, `${path}.call_id`);
  const name = filledOf(item["name"]);
  if (name === undefined) throw invalidRequest(`\`${path}.name\` is missing.`, `${path}.name`);
  const isCustom = item["type"] === "custom_tool_call";
  const input = item[isCustom ? "input" : "arguments"];
  return {
    type: "tool_call",
    id,
    name: book.flatName(name, filledOf(item["namespace"])),
    kind: isCustom ? "custom" : "function",
    input: isFields(input) ? JSON.stringify(input) : (stringOf(input) ?? ""),
  };
}

function addResult(turns: TurnBuilder, item: Fields, path: string, { book, losses }: ItemContext): void {
  const given = filledOf(item["name"]);
  const name = given === undefined ? undefined : book.flatName(given, filledOf(item["namespace"]));
  const callId = filledOf(item["call_id"]) ?? turns.callAnswered(name);
  if (callId === undefined)
    throw invalidRequest(`\`${path}.call_id\` is missing, and no call waits for an output.`, `${path}.call_id`);
  turns.markAnswered(callId);
  const parts = readOutput(item["output"], { path: `${path}.output`, losses });
  turns.add("tool", [{ type: "tool_result", callId, ...(name === undefined ? {} : { name }), parts, isError: false }]);
}

function readReasoning(item: Fields): ReasoningPart[] {
  const token = filledOf(item["encrypted_content"]);
  const opaque = token === undefined ? [] : readOpaque(token, "openai-encrypted");
  const { text, isSummary } = readThoughts(item);
  return text === "" && opaque.length === 0 ? [] : [{ type: "reasoning", text, isSummary, opaque }];
}

function readPicture(item: Fields): Part[] {
  const data = filledOf(item["result"]);
  const mediaType = `image/${filledOf(item["output_format"]) ?? "png"}`;
  return data === undefined ? [] : [{ type: "image", source: { kind: "base64", mediaType, data } }];
}

function typeOf(item: Fields): string {
  const type = filledOf(item["type"]);
  if (type !== undefined) return type;
  if ("role" in item) return "message";
  return "id" in item ? "item_reference" : "";
}

function addItem(turns: TurnBuilder, item: Fields, path: string, context: ItemContext): void {
  const type = typeOf(item);
  switch (type) {
    case "message": {
      const { role, parts } = readMessage(item, path, context);
      turns.add(role, parts);
      return;
    }
    case "function_call":
    case "custom_tool_call":
      turns.add("assistant", [readCall(item, path, context)]);
      return;
    case "function_call_output":
    case "custom_tool_call_output":
      addResult(turns, item, path, context);
      return;
    case "reasoning":
      turns.add("assistant", readReasoning(item));
      return;
    case "image_generation_call":
      turns.add("assistant", readPicture(item));
      return;
    case "item_reference":
      throw invalidRequest(
        `\`${path}\` is an item_reference, which needs a stored response; send the item itself instead.`,
        path,
      );
    case "additional_tools":
      // Read with the tools.
      return;
    default:
      context.losses.add(path, `items of type ${type.slice(0, 60)} are known to OpenAI's own API only`);
  }
}

function isCallState(part: Part): part is ReasoningPart {
  if (part.type !== "reasoning" || part.text !== "" || part.opaque.length === 0) return false;
  return part.opaque.every(({ kind }) => kind === "gemini-signature");
}

/**
 * State of a call was sent as reasoning without text, which this protocol has room for. It goes back to its call: the one
 * before it, or, as some clients put all reasoning first, the next that has none.
 */
function withCallStates(parts: readonly Part[]): readonly Part[] {
  if (!parts.some(isCallState)) return parts;
  const result: Part[] = [];
  const waiting: (readonly Opaque[])[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (isCallState(part)) {
      if (last?.type === "tool_call" && last.opaque === undefined)
        result[result.length - 1] = { ...last, opaque: part.opaque };
      else waiting.push(part.opaque);
      continue;
    }
    const state = part.type === "tool_call" ? waiting.shift() : undefined;
    result.push(part.type === "tool_call" && state !== undefined ? { ...part, opaque: state } : part);
  }
  for (const opaque of waiting) result.push({ type: "reasoning", text: "", isSummary: true, opaque });
  return result;
}

/** The items of a request's `input` as turns. Throws GatewayError (400) that names the item that cannot be read. */
export function readItems(items: readonly unknown[], context: ItemContext): Turn[] {
  const turns = createTurnBuilder();
  for (const [index, item] of items.entries()) {
    const path = `input[${index}]`;
    if (!isFields(item)) throw invalidRequest(`\`${path}\` must be an object.`, path);
    addItem(turns, item, path, context);
  }
  return turns.turns.map(({ role, parts }) => ({ role, parts: role === "assistant" ? withCallStates(parts) : parts }));
}

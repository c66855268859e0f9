import { invalidRequest } from "../../errors.ts";
import type { PathFacts } from "../canonical/codec.ts";
import type { Conversation, Part, ToolCallPart, Turn } from "../canonical/conversation.ts";
import { fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";
import { argumentsText } from "./call-arguments.ts";
import { createCallPairing, type CallPairing } from "./call-pairing.ts";
import { decodeSettings } from "./decode-settings.ts";
import { decodeTools } from "./decode-tools.ts";
import { readPictures } from "./pictures.ts";

type Role = Turn["role"];

const roles: readonly Role[] = ["system", "developer", "user", "assistant", "tool"];

const ownFields: ReadonlySet<string> = new Set(["messages", "tools"]);

function readRole(message: Fields, at: string): Role {
  const written = stringOf(message["role"])?.toLowerCase();
  const role = roles.find((known) => known === written);
  if (role !== undefined) return role;
  throw invalidRequest(`\`${at}.role\` must be system, user, assistant or tool.`, `${at}.role`);
}

function readContent(message: Fields, at: string): string {
  const content = message["content"] ?? "";
  if (typeof content === "string") return content;
  const advice = "must be a text; pictures belong in `images`, as base64 texts";
  throw invalidRequest(`\`${at}.content\` ${advice}.`, `${at}.content`);
}

function readCall(value: unknown, at: string, pairing: CallPairing): ToolCallPart {
  const called = fieldsOf(fieldsOf(value)["function"]);
  const name = filledOf(called["name"]);
  if (name === undefined) throw invalidRequest(`\`${at}.function.name\` is missing.`, `${at}.function.name`);
  const id = pairing.call(filledOf(fieldsOf(value)["id"]), name);
  return { type: "tool_call", id, name, kind: "function", input: argumentsText(called["arguments"]) };
}

function readAssistant(message: Fields, at: string, pairing: CallPairing): Part[] {
  const parts: Part[] = [];
  const thinking = filledOf(message["thinking"]);
  if (thinking !== undefined) parts.push({ type: "reasoning", text: thinking, opaque: [] });
  parts.push(...readSpoken(message, at));
  const calls = listOf(message["tool_calls"]).map((call, index) =>
    readCall(call, `${at}.tool_calls[${index}]`, pairing),
  );
  return [...parts, ...calls];
}

/** Ollama puts the pictures of a message before its text. */
function readSpoken(message: Fields, at: string): Exclude<Part, ToolCallPart>[] {
  const text = readContent(message, at);
  const pictures = readPictures(message["images"], `${at}.images`);
  return text === "" ? [...pictures] : [...pictures, { type: "text", text }];
}

function readResult(message: Fields, at: string, pairing: CallPairing): Part {
  const text = readContent(message, at);
  // Ollama's own examples once named the tool in `name`.
  const name = filledOf(message["tool_name"]) ?? filledOf(message["name"]);
  return {
    type: "tool_result",
    callId: pairing.result(filledOf(message["tool_call_id"]), name),
    name,
    parts: [{ type: "text", text }, ...readPictures(message["images"], `${at}.images`)],
    isError: false,
  };
}

function readParts(role: Role, message: Fields, { at, pairing }: { at: string; pairing: CallPairing }): Part[] {
  if (role === "tool") return [readResult(message, at, pairing)];
  const parts = role === "assistant" ? readAssistant(message, at, pairing) : readSpoken(message, at);
  return parts.length === 0 ? [{ type: "text", text: "" }] : parts;
}

function hasCalls(turn: Turn): boolean {
  return turn.parts.some(({ type }) => type === "tool_call");
}

function readTurns(messages: readonly unknown[]): Turn[] {
  const turns: Turn[] = [];
  const pairing = createCallPairing();
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (!isFields(message)) throw invalidRequest(`\`${at}\` must be an object with \`role\` and \`content\`.`, at);
    const role = readRole(message, at);
    const last = turns.at(-1);
    // Clients that keep each line of a stream as a message of its own split the calls of one turn.
    const isSameTurn = role === "assistant" && last?.role === "assistant" && hasCalls(last);
    if (role === "assistant" && last?.role !== "assistant") pairing.begin();
    const parts = readParts(role, message, { at, pairing });
    if (!isSameTurn) turns.push({ role, parts });
    else turns[turns.length - 1] = { role, parts: [...last.parts, ...parts.filter(isFilled)] };
  }
  return turns;
}

function isFilled(part: Part): boolean {
  return part.type !== "text" || part.text !== "";
}

/** A chat request in the form between protocols; one without messages, which asks that the model be loaded, has no turns. */
export function decodeChatRequest(body: Fields, _path: PathFacts): Conversation {
  const messages = body["messages"] ?? [];
  if (!Array.isArray(messages)) throw invalidRequest("`messages` must be a list.", "messages");
  const { tools, losses } = decodeTools(body["tools"]);
  return {
    protocol: "ollama-chat",
    model: filledOf(body["model"]),
    stream: body["stream"] !== false,
    turns: readTurns(messages),
    tools,
    ...decodeSettings(body, ownFields),
    losses,
  };
}

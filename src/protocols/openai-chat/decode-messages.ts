import { invalidRequest } from "../../errors.ts";
import type { Opaque, Part, ToolCallPart, ToolResultPart, Turn } from "../canonical/conversation.ts";
import { readOpaque } from "../canonical/opaque-token.ts";
import { joinTurns } from "../canonical/turns.ts";
import { fieldsOf, filledOf, isFields, stringOf, type Fields } from "../fields.ts";
import { readObjects, requiredText } from "../request-fields.ts";
import { imagesOf, readAssistantContent, readContent, readResultContent } from "./decode-parts.ts";
import { readReturnedReasoning } from "./reasoning.ts";

const roles = "system, developer, user, assistant, tool or function";

/** Gemini's thought signature where its own OpenAI endpoint puts it. */
export function signatureOf(call: Fields): string | undefined {
  return filledOf(fieldsOf(fieldsOf(call["extra_content"])["google"])["thought_signature"]);
}

function stateOfCall(call: Fields): readonly Opaque[] | undefined {
  const signature = signatureOf(call);
  return signature === undefined ? undefined : readOpaque(signature, "gemini-signature");
}

/** Arguments as JSON text; some clients send the object itself. */
export function inputOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function readCall(call: Fields, path: string): ToolCallPart {
  const id = requiredText(call, "id", path);
  const kind = call["type"] === "custom" ? "custom" : "function";
  const said = call[kind];
  if (!isFields(said)) throw invalidRequest(`\`${path}.${kind}\` must be an object.`, `${path}.${kind}`);
  const name = requiredText(said, "name", `${path}.${kind}`);
  const input = inputOf(said[kind === "custom" ? "input" : "arguments"]);
  return { type: "tool_call", id, name, kind, input, opaque: stateOfCall(call) };
}

/** Functions of before tools have no ids: calls and results are paired by name, in order. */
interface LegacyCalls {
  call(name: string): string;
  result(name: string): string;
}

function createLegacyCalls(): LegacyCalls {
  /** By name, the ids of its calls and how many of them have their results. */
  const called = new Map<string, { ids: string[]; answered: number }>();
  let count = 0;
  const nextId = (): string => {
    count += 1;
    return `call_legacy_${count}`;
  };
  return {
    call(name) {
      const id = nextId();
      const known = called.get(name);
      if (known === undefined) called.set(name, { ids: [id], answered: 0 });
      else known.ids.push(id);
      return id;
    },
    result(name) {
      const known = called.get(name);
      const id = known?.ids[known.answered];
      if (known === undefined || id === undefined) return nextId();
      known.answered += 1;
      return id;
    },
  };
}

function legacyCall(message: Fields, path: string, legacy: LegacyCalls): ToolCallPart[] {
  const call = message["function_call"];
  if (!isFields(call)) return [];
  const name = requiredText(call, "name", `${path}.function_call`);
  return [{ type: "tool_call", id: legacy.call(name), name, kind: "function", input: inputOf(call["arguments"]) }];
}

function assistantParts(message: Fields, path: string, legacy: LegacyCalls): Part[] {
  const content = readAssistantContent(message, path);
  // What stands among the content says the same again.
  const reasoning = content.some(({ type }) => type === "reasoning") ? [] : readReturnedReasoning(message);
  const refusal = filledOf(message["refusal"]);
  const hasRefusal = refusal === undefined || content.some(({ type }) => type === "refusal");
  const calls = readObjects(message, "tool_calls", path);
  return [
    ...reasoning,
    ...content,
    ...(hasRefusal ? [] : [{ type: "refusal", text: refusal } as const]),
    ...imagesOf(message),
    ...calls.map((call, index) => readCall(call, `${path}.tool_calls[${index}]`)),
    ...(calls.length > 0 ? [] : legacyCall(message, path, legacy)),
  ];
}

function resultPart(message: Fields, path: string, callId: string): ToolResultPart {
  const parts = readResultContent(message, path);
  return { type: "tool_result", callId, name: filledOf(message["name"]), parts, isError: false };
}

function readMessage(message: Fields, path: string, legacy: LegacyCalls): Turn {
  const role = stringOf(message["role"]) ?? "";
  switch (role) {
    case "system":
    case "developer":
    case "user":
      return { role, parts: readContent(message, path) };
    case "assistant":
      return { role, parts: assistantParts(message, path, legacy) };
    case "tool":
      return { role, parts: [resultPart(message, path, requiredText(message, "tool_call_id", path))] };
    case "function":
      return { role: "tool", parts: [resultPart(message, path, legacy.result(requiredText(message, "name", path)))] };
    default:
      throw invalidRequest(`\`${path}.role\` must be ${roles}.`, `${path}.role`);
  }
}

/** The turns of `messages`. Throws GatewayError (400) that names what cannot be read. */
export function readMessages(body: Fields): Turn[] {
  if (!Array.isArray(body["messages"])) throw invalidRequest("`messages` must be an array.", "messages");
  const legacy = createLegacyCalls();
  const messages = readObjects(body, "messages");
  if (messages.length === 0) throw invalidRequest("`messages` must not be empty.", "messages");
  const turns = messages.map((message, index) => readMessage(message, `messages[${index}]`, legacy));
  // Results of one round of calls stand in one turn.
  return joinTurns(turns, "tool");
}

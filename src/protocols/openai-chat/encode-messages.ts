import type { Opaque, Part, ToolCallPart, ToolResultPart, Turn } from "../canonical/conversation.ts";
import { ownOpaque } from "../canonical/opaque-token.ts";
import { joinTurns, systemReminder } from "../canonical/turns.ts";
import { fieldsOf, listOf, stringOf, type Fields, wellFormed } from "../fields.ts";
import { contentOf, isTextOnly, shownParts } from "./encode-parts.ts";
import { cacheFields, isOpenai, lose, type Encoding } from "./encoding.ts";
import { detailsOfStates } from "./reasoning.ts";

const longestCallId = 40;
const mistralId = /^[a-zA-Z0-9]{9}$/;

/** The same for a call and for its result. Servers refuse long ones, and Mistral's are of nine letters. */
function callIdOf(id: string, { target }: Encoding): string {
  if (target.provider === "mistral")
    return mistralId.test(id) ? id : Bun.hash(id).toString(36).padStart(9, "0").slice(-9);
  return id !== "" && id.length <= longestCallId ? id : `call_${Bun.hash(id).toString(36)}`;
}

/** A signature that its maker gave out, or that a client of this protocol had from it. */
function signatureIn(opaque: readonly Opaque[] | undefined, { target, conversation }: Encoding): string | undefined {
  const states = ownOpaque(opaque, "gemini-signature", target.origin);
  const isChat = conversation.protocol === "openai-chat";
  // Servers refuse fields they do not know: only Gemini's own may see one.
  return states.find(({ origin }) => origin !== "" || isChat)?.data;
}

function encodeCall(part: ToolCallPart, encoding: Encoding): Fields {
  const name = encoding.names.upstream(part.name);
  const id = callIdOf(part.id, encoding);
  const input = wellFormed(part.input);
  if (part.kind === "custom" && isOpenai(encoding)) return { id, type: "custom", custom: { name, input } };
  const args = part.kind === "custom" ? JSON.stringify({ input }) : input === "" ? "{}" : input;
  const signature = signatureIn(part.opaque, encoding);
  const state = signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
  return { id, type: "function", function: { name, arguments: args }, ...state };
}

/** Thoughts for those that want them back: as text (DeepSeek), or as the list that OpenRouter gave. */
function reasoningFields(parts: readonly Part[], { target }: Encoding): Fields {
  const thoughts = parts.filter((part) => part.type === "reasoning");
  if (target.traits.wantsReasoningContent)
    return { reasoning_content: wellFormed(thoughts.map(({ text }) => text).join("")) };
  if (target.traits.chatReasoning !== "reasoning") return {};
  const states = thoughts.flatMap(({ opaque }) => ownOpaque(opaque, "reasoning-details", target.origin));
  const details = detailsOfStates(states);
  return details.length === 0 ? {} : { reasoning_details: details };
}

function encodeAssistant(parts: readonly Part[], encoding: Encoding): Fields {
  const refusal = parts.flatMap((part) => (part.type === "refusal" ? [wellFormed(part.text)] : [])).join("");
  const isApart = refusal !== "" && isOpenai(encoding);
  const shown = parts.flatMap((part) => (isApart && part.type === "refusal" ? [] : shownParts(part, encoding)));
  const texts = shown.filter(isTextOnly);
  if (texts.length < shown.length) lose(encoding, "turns", "an assistant's message holds text only in openai-chat");
  const calls = parts.flatMap((part) => (part.type === "tool_call" ? [encodeCall(part, encoding)] : []));
  const isSilent = texts.length === 0 && (calls.length > 0 || isApart);
  return {
    role: "assistant",
    content: isSilent ? null : contentOf(texts, encoding),
    ...(isApart ? { refusal } : {}),
    ...reasoningFields(parts, encoding),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

const errorPrefix = "Error: ";

/** A tool's message holds text only: pictures and documents follow in a message of the user's. */
function encodeResult(part: ToolResultPart, encoding: Encoding): { message: Fields; apart: Fields[] } {
  const shown = part.parts.flatMap((inner) => shownParts(inner, encoding));
  const apart = shown.filter((inner) => !isTextOnly(inner));
  const texts = shown.filter(isTextOnly);
  if (apart.length > 0) texts.push({ type: "text", text: "[The attachment is in the next message.]" });
  const text = stringOf(texts[0]?.["text"]) ?? "";
  if (part.isError && !text.startsWith(errorPrefix)) texts[0] = { type: "text", ...texts[0], text: errorPrefix + text };
  const last = texts.at(-1);
  const marks = cacheFields(part.cache, encoding);
  if (last !== undefined && Object.keys(marks).length > 0) texts[texts.length - 1] = { ...last, ...marks };
  const message = { role: "tool", tool_call_id: callIdOf(part.callId, encoding), content: contentOf(texts, encoding) };
  return { message, apart };
}

const noResult = "There is no result.";

function idsOfCalls({ tool_calls: calls }: Fields): string[] {
  return listOf(calls).map((call) => stringOf(fieldsOf(call)["id"]) ?? "");
}

/** Turns as messages; one writer for each request. Servers want a result behind every call, and a call before every result. */
class MessageWriter {
  readonly messages: Fields[] = [];
  /** Nobody but the system has spoken. */
  #isLeading = true;
  /** Calls that wait for their results. */
  #open = new Set<string>();
  /** Attachments of results, until all results of the round are written. */
  #apart: Fields[] = [];
  readonly #encoding: Encoding;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    // Responses clients have an assistant turn for each item.
    for (const turn of joinTurns(encoding.conversation.turns, "assistant")) this.#write(turn);
    this.#endRound();
  }

  #write({ role, parts }: Turn): void {
    if (role !== "system" && role !== "developer") this.#isLeading = false;
    const results = parts.filter((part) => part.type === "tool_result");
    for (const result of results) this.#writeResult(result);
    if (role === "tool" || (results.length > 0 && results.length === parts.length)) return;
    this.#endRound();
    if (role === "assistant") this.#writeAssistant(parts);
    else if (role === "user") this.#say(parts);
    else this.#writeSystem(role, parts);
  }

  #writeAssistant(parts: readonly Part[]): void {
    const message = encodeAssistant(parts, this.#encoding);
    this.messages.push(message);
    this.#open = new Set(idsOfCalls(message));
  }

  #say(parts: readonly Part[]): void {
    const shown = parts.flatMap((part) => shownParts(part, this.#encoding));
    this.messages.push({ role: "user", content: contentOf(shown, this.#encoding) });
  }

  #writeSystem(role: "system" | "developer", parts: readonly Part[]): void {
    const { traits } = this.#encoding.target;
    const shown = parts.flatMap((part) => shownParts(part, this.#encoding));
    const texts = shown.filter(isTextOnly);
    if (texts.length < shown.length) lose(this.#encoding, "turns", "a system message holds text only in openai-chat");
    if (this.#isLeading || traits.systemAnywhere) {
      const known = role === "developer" && !traits.developerRole ? "system" : role;
      this.messages.push({ role: known, content: contentOf(texts, this.#encoding) });
      return;
    }
    this.messages.push({ role: "user", content: systemReminder(textIn(texts)) });
  }

  #writeResult(result: ToolResultPart): void {
    const { message, apart } = encodeResult(result, this.#encoding);
    const id = stringOf(message["tool_call_id"]) ?? "";
    if (this.#open.delete(id)) {
      this.messages.push(message);
      if (apart.length === 0) return;
      this.#apart.push({ type: "text", text: `Attachment of the tool result ${id}:` });
      for (const part of apart) this.#apart.push(part);
      return;
    }
    lose(this.#encoding, "turns", "a tool's result without its call is sent as the user's text");
    this.#endRound();
    const said = result.parts.flatMap((part) => shownParts(part, this.#encoding));
    const heading = { type: "text", text: `Result of ${result.name ?? "a tool"}:` };
    this.messages.push({ role: "user", content: contentOf([heading, ...said], this.#encoding) });
  }

  #endRound(): void {
    for (const id of this.#open) this.messages.push({ role: "tool", tool_call_id: id, content: noResult });
    this.#open.clear();
    if (this.#apart.length === 0) return;
    this.messages.push({ role: "user", content: this.#apart });
    this.#apart = [];
  }
}

function textIn(parts: readonly Fields[]): string {
  return parts.flatMap((part) => stringOf(part["text"]) ?? []).join("\n\n");
}

/** All turns as messages of a chat completion. */
export function encodeMessages(encoding: Encoding): readonly Fields[] {
  const { messages } = new MessageWriter(encoding);
  const last = messages.at(-1);
  if (encoding.target.traits.prefill || last?.["role"] !== "assistant" || last["tool_calls"] !== undefined)
    return messages;
  return [...messages, { role: "user", content: "Continue." }];
}

import { invalidRequest } from "../../errors.ts";
import { safeCallId } from "../canonical/call-ids.ts";
import { clientField } from "../canonical/client-field.ts";
import type { Part, ToolCallPart, ToolResultPart, Turn } from "../canonical/conversation.ts";
import { systemReminder } from "../canonical/turns.ts";
import { assistantBlocks, shownBlocks, toolResultBlock, toolUseBlock } from "./encode-parts.ts";
import { append, lose, textBlock, type Block, type Encoding } from "./encoding.ts";

export type Message = { role: "user" | "assistant" | "system"; content: Block[] };

export interface EncodedTurns {
  system: Block[];
  messages: Message[];
}

interface Call {
  /** The conversation's id, and the one upstream. */
  id: string;
  shownId: string;
  result: ToolResultPart | undefined;
}

/** What the assistant said, and everything until it speaks again. */
interface Segment {
  assistant: Block[];
  calls: Call[];
  user: Block[];
  system: Block[];
  /** Somebody else has spoken since. */
  isClosed: boolean;
}

const continueText = "Continue.";

function newSegment(): Segment {
  return { assistant: [], calls: [], user: [], system: [], isClosed: false };
}

function isThinking({ type }: Block): boolean {
  return type === "thinking" || type === "redacted_thinking";
}

/** Sorts turns into segments, whatever order a client has them in. */
class Sorter {
  readonly leading: Block[] = [];
  readonly segments: Segment[] = [newSegment()];
  readonly #encoding: Encoding;
  readonly #usedIds = new Set<string>();
  /** Calls by the conversation's id; the last ones first to get a result. */
  readonly #waiting = new Map<string, Call[]>();
  readonly #idCounts = new Map<string, number>();

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    for (const turn of encoding.conversation.turns) this.#add(turn);
  }

  get #current(): Segment {
    const last = this.segments.at(-1);
    if (last === undefined) throw new Error("there is always a segment");
    return last;
  }

  #add({ role, parts }: Turn): void {
    if (role === "assistant") this.#addAssistant(parts);
    else if (role === "system" || role === "developer") this.#addSystem(parts);
    else for (const part of parts) this.#addUser(part);
  }

  #addSystem(parts: readonly Part[]): void {
    const blocks = parts.flatMap((part) => this.#systemBlocks(part));
    const isLeading = this.segments.length === 1 && !this.#current.isClosed;
    if (isLeading) append(this.leading, blocks);
    else {
      append(this.#current.system, blocks);
      this.#current.isClosed = true;
    }
  }

  /** Instructions are text. */
  #systemBlocks(part: Part): Block[] {
    if (part.type === "text" || part.type === "refusal") return shownBlocks(part, this.#encoding);
    lose(this.#encoding, "turns", `a ${part.type} in a system turn`);
    return [];
  }

  #addUser(part: Part): void {
    if (part.type === "tool_result") this.#addResult(part);
    else append(this.#current.user, shownBlocks(part, this.#encoding));
    this.#current.isClosed = true;
  }

  #addAssistant(parts: readonly Part[]): void {
    if (this.segments.length === 1 || this.#current.isClosed) this.segments.push(newSegment());
    const { assistant, calls } = this.#current;
    for (const part of parts) {
      if (part.type === "tool_call") {
        const call = this.#newCall(part);
        calls.push(call);
        assistant.push(toolUseBlock(part, call.shownId, this.#encoding));
      } else append(assistant, assistantBlocks(part, this.#encoding));
    }
  }

  #newCall({ id }: ToolCallPart): Call {
    const call: Call = { id, shownId: this.#newId(id), result: undefined };
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) this.#waiting.set(id, [call]);
    else waiting.push(call);
    return call;
  }

  /** Ids have to be unique in a request; some upstreams count theirs from 0 in every answer. */
  #newId(id: string): string {
    const base = safeCallId(id === "" ? "call" : id);
    let shown = base;
    let count = this.#idCounts.get(base) ?? 1;
    while (this.#usedIds.has(shown)) {
      count += 1;
      shown = `${base}_${count}`;
    }
    this.#idCounts.set(base, count);
    this.#usedIds.add(shown);
    return shown;
  }

  /** A result belongs to the nearest call before it that waits for one. */
  #addResult(result: ToolResultPart): void {
    const waiting = this.#waiting.get(result.callId);
    const call = waiting?.pop();
    if (call !== undefined) call.result = result;
    else if (waiting !== undefined) lose(this.#encoding, "turns", `a second result of the tool call ${result.callId}`);
    else lose(this.#encoding, "turns", `a tool result without a call (${result.callId})`);
  }
}

function resultBlock({ id, shownId, result }: Call, encoding: Encoding): Block {
  if (result !== undefined) return toolResultBlock(result, shownId, encoding);
  lose(encoding, "turns", `the tool call ${id} has no result; one that says so was put in`);
  const missing: ToolResultPart = {
    type: "tool_result",
    callId: id,
    parts: [{ type: "text", text: "No result: the call was not carried out." }],
    isError: true,
  };
  return toolResultBlock(missing, shownId, encoding);
}

/** No message may end with thoughts: behind them there must be what they led to. */
function withoutLastThoughts(blocks: Block[]): Block[] {
  return blocks.slice(0, blocks.findLastIndex((block) => !isThinking(block)) + 1);
}

/** Segments with two speakers in each: where one of them said nothing that can be told, its neighbours are one. */
function joined(segments: readonly Segment[]): Segment[] {
  const kept: Segment[] = [];
  for (const segment of segments) {
    const assistant = withoutLastThoughts(segment.assistant);
    const before = kept.at(-1);
    const isAnswered =
      before === undefined || [before.calls, before.user, before.system].some((list) => list.length > 0);
    if (before === undefined || (assistant.length > 0 && isAnswered)) {
      kept.push({ ...segment, assistant });
      continue;
    }
    append(before.assistant, assistant);
    append(before.calls, segment.calls);
    append(before.user, segment.user);
    append(before.system, segment.system);
  }
  return kept;
}

/** A system message as text of the user's, for models that know no other way. */
function reminder(block: Block): Block {
  return { ...block, text: systemReminder(String(block["text"])) };
}

function messagesOf(segment: Segment, encoding: Encoding): Message[] {
  const { assistant, calls, user, system } = segment;
  const content = [...calls.map((call) => resultBlock(call, encoding)), ...user];
  // The API wants them behind the user's words and before the assistant's, and behind nobody else's.
  const isSystemTaken = encoding.target.traits.systemAnywhere && content.length > 0;
  if (!isSystemTaken) append(content, system.map(reminder));
  const messages: Message[] = [];
  if (assistant.length > 0) messages.push({ role: "assistant", content: assistant });
  if (content.length > 0) messages.push({ role: "user", content });
  if (isSystemTaken && system.length > 0) messages.push({ role: "system", content: system });
  return messages;
}

/** A last message of the assistant's that the model shall continue, as the API takes it. */
function asPrefill(content: readonly Block[]): Block[] {
  const blocks = content.filter((block) => !isThinking(block));
  const last = blocks.at(-1);
  if (last?.["type"] !== "text") return blocks;
  return [...blocks.slice(0, -1), { ...last, text: String(last["text"]).trimEnd() }];
}

function userMessage(text: string): Message {
  return { role: "user", content: [textBlock(text)] };
}

/** The first word must be the user's, and so must the last, unless the model can continue its own. */
function rounded(messages: Message[], encoding: Encoding, mayPrefill: boolean): Message[] {
  const [first] = messages;
  if (first?.role === "assistant") messages.unshift(userMessage(continueText));
  const last = messages.at(-1);
  if (last?.role !== "assistant") return messages;
  const prefill = asPrefill(last.content);
  if (mayPrefill && prefill.length > 0) return [...messages.slice(0, -1), { ...last, content: prefill }];
  lose(encoding, "turns", "the model does not continue a text of its own; it is asked to go on instead");
  return [...messages, userMessage(continueText)];
}

/**
 * Turns as Anthropic's messages: the first system ones apart, those of one speaker together, and behind tool calls their
 * results at once. Throws GatewayError (400) when nothing is left to say.
 */
export function encodeTurns(encoding: Encoding, mayPrefill: boolean): EncodedTurns {
  const { leading, segments } = new Sorter(encoding);
  const messages = joined(segments).flatMap((segment) => messagesOf(segment, encoding));
  if (messages.length > 0) return { system: leading, messages: rounded(messages, encoding, mayPrefill) };
  const { protocol } = encoding.conversation;
  const field = clientField(protocol, "turns");
  if (leading.length === 0) throw invalidRequest(`\`${field}\` holds no text: send at least one message.`, field);
  // A request of instructions alone asks for them to be followed.
  return { system: [], messages: [{ role: "user", content: leading }] };
}

/** Whether the model's turn is not over, its tools are running, and it does not begin with its thoughts. */
export function lacksThoughts(messages: readonly Message[]): boolean {
  const asked = messages.findLastIndex(
    ({ role, content }) => role === "user" && !content.some(({ type }) => type === "tool_result"),
  );
  const answer = messages.slice(asked + 1).find(({ role }) => role === "assistant");
  const [first] = answer?.content ?? [];
  return first !== undefined && !isThinking(first);
}

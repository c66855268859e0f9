import { fieldsOf, listOf, stringOf, type Fields } from "../../test/support/replay-fields.ts";
import type { Script, ScriptPart, WireProtocol } from "../../test/support/wire/wire.ts";

/** What an upstream has to know of a protocol to hold a conversation. */
export type UpstreamWire = Pick<WireProtocol, "violationsOf" | "wantsStream" | "whole" | "stream" | "refusal">;

const finishes = { end: "stop", length: "length", tool_calls: "tool_calls", filtered: "content_filter" } as const;

function usageOf({ usage }: Script): Fields {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead },
  };
}

function callOf(part: Extract<ScriptPart, { type: "tool_call" }>): Fields {
  return { id: part.id, type: "function", function: { name: part.name, arguments: part.input } };
}

function joined(script: Script, type: "text" | "reasoning"): string {
  return script.parts.map((part) => (part.type === type ? part.text : "")).join("");
}

function whole(script: Script): { contentType: string; body: string } {
  const calls = script.parts.flatMap((part) => (part.type === "tool_call" ? [callOf(part)] : []));
  const reasoning = joined(script, "reasoning");
  const message = {
    role: "assistant",
    content: joined(script, "text") || null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const body = {
    id: script.id,
    object: "chat.completion",
    created: 1_790_000_000,
    model: script.model,
    choices: [{ index: 0, message, finish_reason: finishes[script.finish] }],
    usage: usageOf(script),
  };
  return { contentType: "application/json", body: JSON.stringify(body) };
}

function piecesOf(text: string): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += 6) pieces.push(characters.slice(at, at + 6).join(""));
  return pieces;
}

function callDeltas(part: Extract<ScriptPart, { type: "tool_call" }>, index: number): Fields[] {
  const { id, name, input } = part;
  const first = { index, id, type: "function", function: { name, arguments: "" } };
  const rest = piecesOf(input).map((piece) => ({ index, function: { arguments: piece } }));
  return [first, ...rest].map((call) => ({ tool_calls: [call] }));
}

function stream(script: Script): { contentType: string; events: string[] } {
  const head = { id: script.id, object: "chat.completion.chunk", created: 1_790_000_000, model: script.model };
  let calls = 0;
  const deltas = script.parts.flatMap((part): Fields[] => {
    if (part.type === "text") return piecesOf(part.text).map((content) => ({ content }));
    if (part.type === "reasoning") return piecesOf(part.text).map((text) => ({ reasoning_content: text }));
    return callDeltas(part, calls++);
  });
  const choices = [{ role: "assistant", content: "" }, ...deltas].map((delta) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: null as string | null }],
  }));
  choices.push({ ...head, choices: [{ index: 0, delta: {}, finish_reason: finishes[script.finish] }] });
  const usage = { ...head, choices: [], usage: usageOf(script) };
  const data = [...choices, usage].map((chunk) => JSON.stringify(chunk));
  return { contentType: "text/event-stream", events: [...data, "[DONE]"].map((line) => `data: ${line}\n\n`) };
}

const roles: readonly unknown[] = ["system", "developer", "user", "assistant", "tool"];

function messageViolations(messages: readonly Fields[]): string[] {
  const open = new Set<unknown>();
  const found: string[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (!roles.includes(message["role"])) found.push(`${at}: role ${String(message["role"])}`);
    if (message["role"] !== "tool" && open.size > 0) found.push(`${at}: a call before it has no result`);
    if (message["role"] !== "tool") open.clear();
    if (message["role"] === "tool" && !open.delete(message["tool_call_id"])) found.push(`${at}: answers no call`);
    for (const call of listOf(message["tool_calls"])) open.add(call["id"]);
  }
  return found;
}

function toolViolations(tools: readonly Fields[]): string[] {
  return tools.flatMap((tool, index) => {
    const declared = fieldsOf(tool["function"]);
    const isNamed = /^[\w-]{1,64}$/.test(stringOf(declared["name"]));
    return tool["type"] === "function" && isNamed ? [] : [`tools[${index}]: ${JSON.stringify(tool).slice(0, 120)}`];
  });
}

/** OpenAI's chat protocol, as far as agents use it. */
export const chatWire: UpstreamWire = {
  violationsOf({ body }) {
    const fields = fieldsOf(body);
    const messages = listOf(fields["messages"]);
    if (messages.length === 0) return ["there are no messages"];
    return [...messageViolations(messages), ...toolViolations(listOf(fields["tools"]))];
  },
  wantsStream: ({ body }) => fieldsOf(body)["stream"] === true,
  whole,
  stream,
  refusal: (status, message) => ({
    contentType: "application/json",
    body: JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code: status } }),
  }),
};

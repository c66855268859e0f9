import type { ProtocolName } from "../../src/config/protocol-names.ts";
import { toolInputs } from "../support/replay-scenarios.ts";
import { dataOf } from "./translation-clients.ts";

type Fields = Record<string, unknown>;

/** How a client goes on with a conversation: what it keeps of an answer is all that comes back. */
export interface Style {
  name: string;
  protocol: ProtocolName;
  /** Nothing of the thoughts comes back. */
  keepsNothing: boolean;
  question: unknown;
  request(ask: { model: string; isStream: boolean; turns: readonly unknown[] }): { path: string; body: Fields };
  /** The model's turns as the client keeps them, of a whole answer or a stream. */
  turnsAfter(answer: string, isStream: boolean): unknown[];
  /** Names of the tools that were called. */
  callsIn(turns: readonly unknown[]): unknown[];
  /** What the tools said. */
  results(turns: readonly unknown[]): unknown[];
}

const parameters = { type: "object", properties: {} };
const tools = Object.keys(toolInputs).map((name) => ({ name, description: `Tells ${name}.`, parameters }));
const said = "sunny, 12:00";

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function fieldsOf(value: unknown): Fields {
  return (value ?? {}) as Fields;
}

/** Adds a piece to a text, as SDKs do with deltas. */
function append(target: Fields, field: string, piece: unknown): void {
  if (typeof piece !== "string") return;
  const before = target[field];
  target[field] = (typeof before === "string" ? before : "") + piece;
}

/** A chat answer, put together as an SDK does: texts and arguments are joined, the rest is taken as it comes. */
function chatMessage(answer: string, isStream: boolean): Fields {
  if (!isStream) return fieldsOf(fieldsOf(listOf((JSON.parse(answer) as Fields)["choices"])[0])["message"]);
  const message: Fields = { role: "assistant", content: null };
  const calls: Fields[] = [];
  for (const chunk of dataOf(answer)) {
    const delta = fieldsOf(listOf(chunk["choices"])[0]?.["delta"]);
    for (const name of ["content", "reasoning", "reasoning_content"]) append(message, name, delta[name]);
    if (typeof delta["cot_id"] === "string") message["cot_id"] = delta["cot_id"];
    if (delta["reasoning_details"] !== undefined)
      message["reasoning_details"] = [...listOf(message["reasoning_details"]), ...listOf(delta["reasoning_details"])];
    for (const { index, function: piece, ...rest } of listOf(delta["tool_calls"])) {
      const call = (calls[Number(index)] ??= { function: { name: "", arguments: "" } });
      Object.assign(call, rest);
      const made = fieldsOf(call["function"]);
      for (const name of ["name", "arguments"]) append(made, name, fieldsOf(piece)[name]);
    }
  }
  return { ...message, ...(calls.length > 0 && { tool_calls: calls }) };
}

function bareCalls(message: Fields): Fields[] {
  return listOf(message["tool_calls"]).map(({ id, type, function: made }) => ({ id, type, function: made }));
}

/** What each kind of chat client keeps of a message. */
const kept: Readonly<Record<string, (message: Fields) => Fields>> = {
  "chat with reasoning_details": ({ reasoning: _reasoning, cot_id: _id, ...rest }) => rest,
  "chat with everything": (message) => message,
  "chat with only cot_id": (message) => ({
    role: "assistant",
    content: message["content"],
    cot_id: message["cot_id"],
    reasoning_content: message["reasoning_content"],
    tool_calls: bareCalls(message),
  }),
  "chat with only the ids of calls": (message) => ({
    role: "assistant",
    content: message["content"],
    tool_calls: bareCalls(message),
  }),
};

function chatStyle(name: string, keep: (message: Fields) => Fields): Style {
  return {
    name,
    protocol: "openai-chat",
    keepsNothing: name.includes("only the ids"),
    question: { role: "user", content: "Hi" },
    request: ({ model, isStream, turns }) => ({
      path: "/v1/chat/completions",
      body: {
        model,
        stream: isStream,
        messages: turns,
        tools: tools.map((tool) => ({ type: "function", function: tool })),
      },
    }),
    turnsAfter: (answer, isStream) => [keep(chatMessage(answer, isStream))],
    callsIn: ([turn]) => listOf(fieldsOf(turn)["tool_calls"]).map((call) => fieldsOf(call["function"])["name"]),
    results: ([turn]) =>
      listOf(fieldsOf(turn)["tool_calls"]).map(({ id }) => ({ role: "tool", tool_call_id: id, content: said })),
  };
}

const responses: Style = {
  name: "responses with encrypted_content",
  protocol: "openai-responses",
  keepsNothing: false,
  question: { role: "user", content: "Hi" },
  request: ({ model, isStream, turns }) => ({
    path: "/v1/responses",
    body: {
      model,
      stream: isStream,
      store: false,
      include: ["reasoning.encrypted_content"],
      input: turns,
      tools: tools.map((tool) => ({ type: "function", strict: false, ...tool })),
    },
  }),
  turnsAfter: (answer, isStream) =>
    listOf(fieldsOf(isStream ? dataOf(answer).at(-1)?.["response"] : JSON.parse(answer))["output"]),
  callsIn: (turns) =>
    listOf(turns)
      .filter(({ type }) => type === "function_call")
      .map(({ name }) => name),
  results: (turns) =>
    listOf(turns)
      .filter(({ type }) => type === "function_call")
      .map((call) => ({ type: "function_call_output", call_id: call["call_id"], output: said })),
};

/** Blocks of an Anthropic stream, put together. */
function anthropicBlocks(stream: string): Fields[] {
  const blocks: Fields[] = [];
  for (const { type, index, content_block: block, delta } of dataOf(stream)) {
    if (type === "content_block_start") blocks[Number(index)] = { ...fieldsOf(block) };
    if (type !== "content_block_delta") continue;
    for (const name of ["text", "thinking", "signature", "partial_json"])
      append(fieldsOf(blocks[Number(index)]), name, fieldsOf(delta)[name]);
  }
  return blocks.map(({ partial_json: json, ...block }) =>
    block["type"] === "tool_use"
      ? { ...block, input: JSON.parse(typeof json === "string" ? json : "{}") as unknown }
      : block,
  );
}

function blocksOf([turn]: readonly unknown[], type: string): Fields[] {
  return listOf(fieldsOf(turn)["content"]).filter((block) => block["type"] === type);
}

const anthropic: Style = {
  name: "anthropic with signatures",
  protocol: "anthropic-messages",
  keepsNothing: false,
  question: { role: "user", content: "Hi" },
  request: ({ model, isStream, turns }) => ({
    path: "/v1/messages",
    body: {
      model,
      stream: isStream,
      max_tokens: 4096,
      thinking: { type: "enabled", budget_tokens: 1024 },
      messages: turns,
      tools: tools.map(({ parameters: schema, ...tool }) => ({ ...tool, input_schema: schema })),
    },
  }),
  turnsAfter: (answer, isStream) => [
    {
      role: "assistant",
      content: isStream ? anthropicBlocks(answer) : listOf((JSON.parse(answer) as Fields)["content"]),
    },
  ],
  callsIn: (turns) => blocksOf(turns, "tool_use").map(({ name }) => name),
  results: (turns) => [
    {
      role: "user",
      content: blocksOf(turns, "tool_use").map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: said })),
    },
  ],
};

function geminiParts(answer: string, isStream: boolean): Fields[] {
  const replies = isStream ? dataOf(answer) : [JSON.parse(answer) as Fields];
  return replies.flatMap((reply) => listOf(fieldsOf(fieldsOf(listOf(reply["candidates"])[0])["content"])["parts"]));
}

function functionCalls([turn]: readonly unknown[]): Fields[] {
  const parts = listOf(fieldsOf(turn)["parts"]);
  return parts.filter((part) => "functionCall" in part).map((part) => fieldsOf(part["functionCall"]));
}

const gemini: Style = {
  name: "gemini with thoughtSignature",
  protocol: "gemini-generate",
  keepsNothing: false,
  question: { role: "user", parts: [{ text: "Hi" }] },
  request: ({ model, isStream, turns }) => ({
    path: `/v1beta/models/${model}:${isStream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: {
      contents: turns,
      generationConfig: { thinkingConfig: { includeThoughts: true } },
      tools: [
        {
          functionDeclarations: tools.map(({ parameters: schema, ...tool }) => ({
            ...tool,
            parametersJsonSchema: schema,
          })),
        },
      ],
    },
  }),
  turnsAfter: (answer, isStream) => [{ role: "model", parts: geminiParts(answer, isStream) }],
  callsIn: (turns) => functionCalls(turns).map(({ name }) => name),
  results: (turns) => [
    {
      role: "user",
      parts: functionCalls(turns).map(({ id, name }) => ({
        functionResponse: { ...(id !== undefined && { id }), name, response: { output: said } },
      })),
    },
  ],
};

export const styles: readonly Style[] = [
  ...Object.entries(kept).map(([name, keep]) => chatStyle(name, keep)),
  responses,
  anthropic,
  gemini,
];

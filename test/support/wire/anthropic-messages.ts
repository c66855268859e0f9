import { list, objectOf, type Json } from "./json.ts";
import { Inspection } from "./anthropic-request.ts";
import { errorTypes, problemsOf, receive } from "./anthropic-stream.ts";
import type { PlayedAnswer, Script, ScriptPart, WireProtocol } from "./wire.ts";

/** Anthropic's messages as its documentation and its own refusals have them. */

const stopReasons = { end: "end_turn", length: "max_tokens", tool_calls: "tool_use", filtered: "refusal" } as const;

function usageOf({ usage }: Script): Json {
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheWrite, ephemeral_1h_input_tokens: 0 },
    output_tokens: usage.output + usage.reasoning,
    ...(usage.reasoning === 0 ? {} : { output_tokens_details: { thinking_tokens: usage.reasoning } }),
    service_tier: "standard",
  };
}

function blockOf(part: ScriptPart): Json {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "reasoning")
    return { type: "thinking", thinking: part.text, signature: part.signature ?? "EqoBCkgIARABGAIiQL8mZpm0" };
  return {
    type: "tool_use",
    id: part.id,
    name: part.name,
    input: JSON.parse(part.input === "" ? "{}" : part.input) as unknown,
  };
}

function messageOf(script: Script): Json {
  return {
    id: script.id,
    type: "message",
    role: "assistant",
    model: script.model,
    content: script.parts.map(blockOf),
    stop_reason: stopReasons[script.finish],
    stop_sequence: null,
    ...(script.finish === "filtered" ? { stop_details: { type: "refusal", category: null, explanation: null } } : {}),
    usage: usageOf(script),
  };
}

function event(value: Json): string {
  return `event: ${String(value["type"])}\ndata: ${JSON.stringify(value)}\n\n`;
}

/** A text in three pieces, as a stream has it; cut between characters. */
function pieces(text: string): string[] {
  const characters = Array.from(text);
  const third = Math.ceil(characters.length / 3);
  if (third === 0) return [];
  return [0, 1, 2].map((at) => characters.slice(at * third, (at + 1) * third).join("")).filter((piece) => piece !== "");
}

function deltasOf(part: ScriptPart): Json[] {
  if (part.type === "text") return pieces(part.text).map((text) => ({ type: "text_delta", text }));
  if (part.type === "tool_call")
    // The API begins with a piece of nothing.
    return ["", ...pieces(part.input)].map((json) => ({ type: "input_json_delta", partial_json: json }));
  const { signature } = blockOf(part);
  return [
    ...pieces(part.text).map((thinking) => ({ type: "thinking_delta", thinking })),
    { type: "signature_delta", signature },
  ];
}

function startOf(part: ScriptPart): Json {
  if (part.type === "text") return { type: "text", text: "" };
  if (part.type === "reasoning") return { type: "thinking", thinking: "", signature: "" };
  return { type: "tool_use", id: part.id, name: part.name, input: {} };
}

function streamEvents(script: Script): string[] {
  const { content: _content, stop_reason: reason, stop_details: details, ...message } = messageOf(script);
  const usage = usageOf(script);
  const start = {
    ...message,
    content: [],
    stop_reason: null,
    usage: { ...usage, output_tokens: 1, output_tokens_details: null },
  };
  const events = [event({ type: "message_start", message: start })];
  for (const [index, part] of script.parts.entries()) {
    events.push(event({ type: "content_block_start", index, content_block: startOf(part) }));
    if (index === 0) events.push(event({ type: "ping" }));
    for (const delta of deltasOf(part)) events.push(event({ type: "content_block_delta", index, delta }));
    events.push(event({ type: "content_block_stop", index }));
  }
  const delta = {
    stop_reason: reason,
    stop_sequence: null,
    ...(details === undefined ? {} : { stop_details: details }),
  };
  return [...events, event({ type: "message_delta", delta, usage }), event({ type: "message_stop" })];
}

function errorOf(type: string, message: string): Json {
  return { type: "error", error: { type, message }, request_id: "req_011CSHoEeqs5C35K2UUqR7Fy" };
}

function parsed(text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function contentOfMessage(message: Json): PlayedAnswer {
  const blocks = list(message["content"]).map(objectOf);
  const joined = (type: string, field: string): string =>
    blocks
      .filter((block) => block["type"] === type)
      .map((block) => String(block[field]))
      .join("");
  return {
    text: joined("text", "text"),
    reasoning: joined("thinking", "thinking"),
    calls: blocks
      .filter(({ type }) => type === "tool_use")
      .map(({ name, input }) => ({ name: String(name), input: typeof input === "string" ? parsed(input) : input })),
    finish: typeof message["stop_reason"] === "string" ? message["stop_reason"] : undefined,
    usage: message["usage"],
  };
}

/** What an SDK makes of the events: the message they add up to. */
function accumulated(stream: string): Json {
  const message: Json = { content: [], stop_reason: null, usage: {} };
  const blocks = message["content"] as Json[];
  for (const { value = {} } of receive(stream)) {
    const block = blocks.at(-1) ?? {};
    const delta = objectOf(value["delta"]);
    if (value["type"] === "message_start") message["usage"] = { ...objectOf(objectOf(value["message"])["usage"]) };
    if (value["type"] === "content_block_start") {
      const started = objectOf(value["content_block"]);
      blocks.push(started["type"] === "tool_use" ? { ...started, input: "" } : { ...started });
    }
    if (delta["type"] === "text_delta") block["text"] = String(block["text"]) + String(delta["text"]);
    if (delta["type"] === "thinking_delta") block["thinking"] = String(block["thinking"]) + String(delta["thinking"]);
    if (delta["type"] === "input_json_delta") block["input"] = String(block["input"]) + String(delta["partial_json"]);
    if (value["type"] !== "message_delta") continue;
    message["stop_reason"] = delta["stop_reason"];
    message["usage"] = { ...objectOf(message["usage"]), ...objectOf(value["usage"]) };
  }
  return message;
}

export const anthropicMessagesWire: WireProtocol = {
  id: "anthropic-messages",
  violationsOf(request) {
    const { violations } = new Inspection(request);
    const [path] = request.path.split("?");
    if (request.method !== "POST" || path?.endsWith("/v1/messages") !== true)
      violations.push(`${request.method} ${request.path}`);
    return violations;
  },
  wantsStream: ({ body }) => objectOf(body)["stream"] === true,
  whole: (script) => ({ contentType: "application/json", body: JSON.stringify(messageOf(script)) }),
  stream: (script) => ({ contentType: "text/event-stream; charset=utf-8", events: streamEvents(script) }),
  refusal: (status, message) => ({
    contentType: "application/json",
    body: JSON.stringify(errorOf(errorTypes[status] ?? "api_error", message)),
  }),
  failureInStream: (message) => event(errorOf("overloaded_error", message)),
  problemsOf,
  contentOf: (answer) => contentOfMessage(answer.startsWith("{") ? objectOf(JSON.parse(answer)) : accumulated(answer)),
};

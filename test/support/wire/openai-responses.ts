import { isObject, list, objectOf, textOf, type Json } from "./json.ts";
import { violationsOf } from "./openai-responses-request.ts";
import { eventsOf, problemsOf } from "./openai-responses-stream.ts";
import { responseOf } from "./openai-responses-words.ts";
import type { PlayedAnswer, Script, ScriptPart, WireProtocol } from "./wire.ts";

/** OpenAI's Responses as its documentation, its SDK's types and recorded streams have them. */

const statuses = { end: "completed", tool_calls: "completed", length: "incomplete", filtered: "incomplete" } as const;

function usageOf({ usage }: Script): Json {
  const input = usage.input + usage.cacheRead + usage.cacheWrite;
  const output = usage.output + usage.reasoning;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + output,
  };
}

function itemOf(part: ScriptPart, place: string, status: string): Json {
  if (part.type === "text") {
    const content = [{ type: "output_text", annotations: [], logprobs: [], text: part.text }];
    return { id: `msg_${place}`, type: "message", role: "assistant", status, content };
  }
  if (part.type === "tool_call")
    return {
      id: `fc_${place}`,
      type: "function_call",
      call_id: part.id,
      name: part.name,
      arguments: part.input,
      status,
    };
  const encrypted = part.signature === undefined ? {} : { encrypted_content: part.signature };
  const summary = part.text === "" ? [] : [{ type: "summary_text", text: part.text }];
  return { id: `rs_${place}`, type: "reasoning", summary, ...encrypted };
}

function itemsOf({ id, parts, finish }: Script): Json[] {
  const last = parts.length - 1;
  return parts.map((part, index) =>
    itemOf(part, `${id.replace("resp_", "")}_${index}`, index === last ? statuses[finish] : "completed"),
  );
}

function endedResponse(script: Script): Json {
  const reasons = { length: "max_output_tokens", filtered: "content_filter" } as const;
  const details =
    script.finish === "length" || script.finish === "filtered" ? { reason: reasons[script.finish] } : null;
  const status = statuses[script.finish];
  return {
    ...responseOf(script),
    status,
    completed_at: status === "completed" ? 1_790_000_001 : null,
    incomplete_details: details,
    output: itemsOf(script),
    usage: usageOf(script),
  };
}

/** Text as a model gives it: in pieces of a few characters, never half a surrogate pair. */
function piecesOf(text: string): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += 3) pieces.push(characters.slice(at, at + 3).join(""));
  return pieces;
}

type Told = [type: string, fields: Json];

function toldOfText(item: Json, where: Json, text: string): Told[] {
  const part = objectOf(list(item["content"])[0]);
  const at = { ...where, content_index: 0 };
  return [
    [
      "response.output_item.added",
      { output_index: where["output_index"], item: { ...item, content: [], status: "in_progress" } },
    ],
    ["response.content_part.added", { ...at, part: { ...part, text: "" } }],
    ...piecesOf(text).map((delta): Told => [
      "response.output_text.delta",
      { ...at, delta, logprobs: [], obfuscation: "x1" },
    ]),
    ["response.output_text.done", { ...at, text, logprobs: [] }],
    ["response.content_part.done", { ...at, part }],
  ];
}

function toldOfCall(item: Json, where: Json, input: string): Told[] {
  return [
    [
      "response.output_item.added",
      { output_index: where["output_index"], item: { ...item, arguments: "", status: "in_progress" } },
    ],
    ...piecesOf(input).map((delta): Told => ["response.function_call_arguments.delta", { ...where, delta }]),
    ["response.function_call_arguments.done", { ...where, arguments: input }],
  ];
}

function toldOfThoughts(item: Json, where: Json, text: string): Told[] {
  const { encrypted_content: _later, ...announced } = item;
  const at = { ...where, summary_index: 0 };
  const part = { type: "summary_text", text };
  const added: Told = [
    "response.output_item.added",
    { output_index: where["output_index"], item: { ...announced, summary: [] } },
  ];
  if (text === "") return [added];
  return [
    added,
    ["response.reasoning_summary_part.added", { ...at, part: { ...part, text: "" } }],
    ...piecesOf(text).map((delta): Told => ["response.reasoning_summary_text.delta", { ...at, delta }]),
    ["response.reasoning_summary_text.done", { ...at, text }],
    ["response.reasoning_summary_part.done", { ...at, part }],
  ];
}

function toldOfPart(part: ScriptPart, item: Json, index: number): Told[] {
  const where = { item_id: item["id"], output_index: index };
  const done: Told = ["response.output_item.done", { output_index: index, item }];
  if (part.type === "text") return [...toldOfText(item, where, part.text), done];
  if (part.type === "tool_call") return [...toldOfCall(item, where, part.input), done];
  return [...toldOfThoughts(item, where, part.text), done];
}

function frame([type, fields]: Told, number: number): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, ...fields })}\n\n`;
}

function streamOf(script: Script): string[] {
  const response = responseOf(script);
  const items = itemsOf(script);
  const told: Told[] = [
    ["response.created", { response }],
    ["response.in_progress", { response }],
    ...script.parts.flatMap((part, index) => toldOfPart(part, items[index] ?? {}, index)),
    [`response.${statuses[script.finish]}`, { response: endedResponse(script) }],
  ];
  return told.map(frame);
}

function failureInStream(message: string): string {
  const error = { type: "server_error", code: "server_error", message, param: null };
  const response = {
    ...responseOf({ id: "resp_failed", model: "m" }),
    status: "failed",
    error: { code: "server_error", message },
  };
  return frame(["error", { error }], 900) + frame(["response.failed", { response }], 901);
}

function inputOf(item: Json): unknown {
  if (item["type"] === "custom_tool_call") return item["input"];
  try {
    return JSON.parse(textOf(item["arguments"])) as unknown;
  } catch {
    return item["arguments"];
  }
}

function texts(item: Json, member: string): string[] {
  return list(item[member]).map((part) => textOf(objectOf(part)["text"] ?? objectOf(part)["refusal"]));
}

function played(response: Json, items: readonly unknown[]): PlayedAnswer {
  const output = items.map(objectOf);
  const finish = objectOf(response["incomplete_details"])["reason"] ?? response["status"];
  return {
    text: output.flatMap((item) => (item["type"] === "message" ? texts(item, "content") : [])).join(""),
    reasoning: output
      .flatMap((item) => (item["type"] === "reasoning" ? [...texts(item, "summary"), ...texts(item, "content")] : []))
      .join(""),
    calls: output
      .filter((item) => item["type"] === "function_call" || item["type"] === "custom_tool_call")
      .map((item) => ({ name: textOf(item["name"]), input: inputOf(item) })),
    finish: typeof finish === "string" ? finish : undefined,
    usage: response["usage"],
  };
}

/** Clients build an answer from the items that are done, and take the rest from the last event. */
function contentOf(answer: string): PlayedAnswer {
  if (answer.startsWith("{")) {
    const response = objectOf(JSON.parse(answer));
    return played(response, list(response["output"]));
  }
  const events = eventsOf(answer, []);
  const done = events.filter(({ type }) => type === "response.output_item.done").map(({ fields }) => fields["item"]);
  const last = events.findLast(({ fields }) => isObject(fields["response"]));
  return played(objectOf(last?.fields["response"]), done);
}

export const openaiResponsesWire: WireProtocol = {
  id: "openai-responses",
  violationsOf,
  wantsStream: ({ body }) => objectOf(body)["stream"] === true,
  whole: (script) => ({ contentType: "application/json", body: JSON.stringify(endedResponse(script)) }),
  stream: (script) => ({ contentType: "text/event-stream; charset=utf-8", events: streamOf(script) }),
  refusal(status, message) {
    const type = status >= 500 ? "server_error" : "invalid_request_error";
    return {
      contentType: "application/json",
      body: JSON.stringify({ error: { message, type, param: null, code: null } }),
    };
  },
  failureInStream,
  problemsOf,
  contentOf,
};

import { list, objectOf, textOf, type Json } from "./json.ts";
import { violationsOf } from "./openai-chat-request.ts";
import { dataIn, messageOfChunks, parsed, problemsOf } from "./openai-chat-stream.ts";
import type { PlayedAnswer, PlayedRequest, Script, ScriptPart, WireProtocol } from "./wire.ts";

/** OpenAI chat completions, with the thoughts as OpenRouter has them and Gemini's signature where Gemini puts it. */

const created = 1_790_000_000;
const reasons = { end: "stop", length: "length", tool_calls: "tool_calls", filtered: "content_filter" } as const;

export function usageOf({ usage }: Script): Json {
  const input = usage.input + usage.cacheRead + usage.cacheWrite;
  const output = usage.output + usage.reasoning;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}

/** Text as a model gives it: in pieces of a few characters, never half a surrogate pair. */
export function piecesOf(text: string): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += 3) pieces.push(characters.slice(at, at + 3).join(""));
  return pieces;
}

function joined(parts: readonly ScriptPart[], type: "text" | "reasoning"): string {
  return parts.map((part) => (part.type === type ? part.text : "")).join("");
}

function stateOf(signature: string | undefined): Json {
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
}

function detailOf(fields: Json, index: number): Json {
  return { type: "reasoning.text", ...fields, format: "anthropic-claude-v1", index };
}

function messageOf({ parts }: Script): Json {
  const calls = parts.flatMap((part) =>
    part.type === "tool_call"
      ? [
          {
            id: part.id,
            type: "function",
            function: { name: part.name, arguments: part.input },
            ...stateOf(part.signature),
          },
        ]
      : [],
  );
  const thoughts = parts.flatMap((part) => (part.type === "reasoning" ? [part] : []));
  const details = thoughts.map(({ text, signature }, index) => detailOf({ text, signature }, index));
  const text = joined(parts, "text");
  return {
    role: "assistant",
    content: text === "" ? null : text,
    refusal: null,
    ...(thoughts.length === 0 ? {} : { reasoning: joined(parts, "reasoning"), reasoning_details: details }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function whole(script: Script): { contentType: string; body: string } {
  const { id, model, finish } = script;
  const choice = { index: 0, message: messageOf(script), logprobs: null, finish_reason: reasons[finish] };
  const head = { id, object: "chat.completion", created, model };
  return {
    contentType: "application/json",
    body: JSON.stringify({ ...head, choices: [choice], usage: usageOf(script) }),
  };
}

function deltasOf(part: ScriptPart, place: { calls: number; thoughts: number }): Json[] {
  if (part.type === "text") return piecesOf(part.text).map((content) => ({ content }));
  if (part.type === "reasoning") {
    const index = place.thoughts;
    place.thoughts += 1;
    const texts = piecesOf(part.text).map((text) => ({
      reasoning: text,
      reasoning_details: [detailOf({ text }, index)],
    }));
    if (part.signature === undefined) return texts;
    return [...texts, { reasoning_details: [detailOf({ signature: part.signature }, index)] }];
  }
  const index = place.calls;
  place.calls += 1;
  const first = { index, id: part.id, type: "function", function: { name: part.name, arguments: "" } };
  return [
    { tool_calls: [{ ...first, ...stateOf(part.signature) }] },
    ...piecesOf(part.input).map((input) => ({ tool_calls: [{ index, function: { arguments: input } }] })),
  ];
}

function stream(script: Script): { contentType: string; events: string[] } {
  const { id, model, parts, finish } = script;
  const head = { id, object: "chat.completion.chunk", created, model };
  const event = (choices: unknown[], usage: unknown = null): string =>
    `data: ${JSON.stringify({ ...head, choices, usage })}\n\n`;
  const choice = (delta: Json, reason: string | null = null): string =>
    event([{ index: 0, delta, logprobs: null, finish_reason: reason }]);
  const place = { calls: 0, thoughts: 0 };
  return {
    contentType: "text/event-stream",
    events: [
      choice({ role: "assistant", content: "", refusal: null }),
      ...parts.flatMap((part) => deltasOf(part, place)).map((delta) => choice(delta)),
      choice({}, reasons[finish]),
      event([], usageOf(script)),
      "data: [DONE]\n\n",
    ],
  };
}

function errorOf(message: string, fields: Json): string {
  return JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code: null, ...fields } });
}

const refusals: Readonly<Record<number, Json>> = {
  401: { code: "invalid_api_key" },
  404: { code: "model_not_found" },
  429: { type: "rate_limit_exceeded", code: "rate_limit_exceeded" },
};

function refusal(status: number, message: string): { contentType: string; body: string } {
  const fields = status >= 500 ? { type: "server_error" } : (refusals[status] ?? {});
  return { contentType: "application/json", body: errorOf(message, fields) };
}

function callOf(call: Json): { name: string; input: unknown } {
  if (call["type"] === "custom") {
    const { name, input } = objectOf(call["custom"]);
    return { name: textOf(name), input };
  }
  const { name, arguments: input } = objectOf(call["function"]);
  return { name: textOf(name), input: parsed(textOf(input)) };
}

function contentOf(answer: string): PlayedAnswer {
  const isWhole = answer.trimStart().startsWith("{");
  const value = isWhole ? objectOf(parsed(answer)) : {};
  const choice = objectOf(list(value["choices"])[0]);
  const { message, finish, usage } = isWhole
    ? { message: objectOf(choice["message"]), finish: choice["finish_reason"], usage: value["usage"] }
    : messageOfChunks(dataIn(answer).data.map((text) => objectOf(parsed(text))));
  return {
    text: textOf(message["content"]),
    reasoning: textOf(message["reasoning_content"] ?? message["reasoning"]),
    calls: list(message["tool_calls"]).map(objectOf).map(callOf),
    finish: typeof finish === "string" ? finish : undefined,
    usage,
  };
}

export const openaiChatWire: WireProtocol = {
  id: "openai-chat",
  violationsOf,
  wantsStream: ({ body }: PlayedRequest) => objectOf(body)["stream"] === true,
  whole,
  stream,
  refusal,
  failureInStream: (message) => `data: ${errorOf(message, { type: "server_error" })}\n\n`,
  problemsOf,
  contentOf,
};

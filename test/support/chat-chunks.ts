/** Pieces of chat completions as OpenRouter words them. Everything is deterministic. */

export type Json = Record<string, unknown>;

const completionId = "gen-1700000000-abcdefghijklmnop";
const created = 1_700_000_000;

export const defaultUsage: Json = {
  prompt_tokens: 12,
  completion_tokens: 7,
  total_tokens: 19,
  cost: 0.000123,
  is_byok: false,
  prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
  cost_details: { upstream_inference_cost: null },
  completion_tokens_details: { reasoning_tokens: 2, image_tokens: 0 },
};

export const defaultToolCall = {
  id: "call_abc123",
  type: "function",
  function: { name: "get_weather", arguments: '{"city":"Zürich","unit":"c"}' },
} as const;

/** A chunk with the fields that all chunks of one answer share. */
export function chunk(model: string, fields: Json): Json {
  return { id: completionId, provider: "Fake", model, object: "chat.completion.chunk", created, ...fields };
}

export function deltaChunk(model: string, delta: Json, finishReason: string | null = null): Json {
  const choice = {
    index: 0,
    delta,
    finish_reason: finishReason,
    native_finish_reason: finishReason,
    logprobs: null,
  };
  return chunk(model, { choices: [choice] });
}

export function completion(model: string, fields: { message: Json; finishReason: string; usage: Json }): Json {
  const choice = {
    logprobs: null,
    finish_reason: fields.finishReason,
    native_finish_reason: fields.finishReason,
    index: 0,
    message: fields.message,
  };
  return {
    id: completionId,
    provider: "Fake",
    model,
    object: "chat.completion",
    created,
    choices: [choice],
    usage: fields.usage,
  };
}

/** The call's arguments in fragments of `size` characters, id and name only in the first delta. */
export function toolDeltas(call: typeof defaultToolCall, size: number): Json[] {
  const first = {
    role: "assistant",
    content: null,
    tool_calls: [{ index: 0, id: call.id, type: call.type, function: { name: call.function.name, arguments: "" } }],
  };
  const deltas: Json[] = [first];
  const { arguments: text } = call.function;
  for (let start = 0; start < text.length; start += size) {
    deltas.push({ tool_calls: [{ index: 0, function: { arguments: text.slice(start, start + size) } }] });
  }
  return deltas;
}

export function event(data: Json | string, eol = "\n"): string {
  return `data: ${typeof data === "string" ? data : JSON.stringify(data)}${eol}${eol}`;
}

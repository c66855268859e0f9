import type { Fields } from "../../../src/protocols/fields.ts";
import { chunk, end, sse } from "./codec-rig.ts";

interface Dialect {
  stream: string;
  /** As `told` writes events down; ids that are made are `?`. */
  told: string[];
}

const done = "[DONE]";
const role = chunk({ role: "assistant", content: "" });
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const counted = 'usage {"input":10,"output":5}';

function called(fields: Fields, more: Fields = {}): Fields {
  return chunk({ tool_calls: [fields] }, more);
}

function args(index: number, text: string): Fields {
  return called({ index, function: { arguments: text } });
}

function begun(index: number, id: string, name: string): Fields {
  return called({ index, id, type: "function", function: { name, arguments: "" } });
}

/** Streams as the named servers send them. */
export const dialects: Readonly<Record<string, Dialect>> = {
  "OpenAI: text, usage behind the end, padding": {
    stream: sse(
      { ...role, usage: null, obfuscation: "aB3" },
      chunk({ content: "Grüße, " }),
      chunk({ content: "世界 😀" }),
      end(),
      { ...chunk({}), choices: [], usage },
      done,
    ),
    told: ["text|Grüße, 世界 😀", counted, "finish end"],
  },
  "OpenAI: a refusal": {
    stream: sse(role, chunk({ refusal: "I " }), chunk({ refusal: "won't." }), end(), done),
    told: ["refusal|I won't.", "finish end"],
  },
  "OpenAI: a custom tool": {
    stream: sse(
      role,
      called({ index: 0, id: "c1", type: "custom", custom: { name: "patch", input: "" } }),
      called({ index: 0, custom: { input: "*** Begin" } }),
      end("tool_calls"),
      done,
    ),
    told: ["custom patch c1|*** Begin", "finish tool_calls"],
  },
  "Azure: a chunk without an id first": {
    stream: sse(
      { choices: [], created: 0, id: "", model: "", object: "", prompt_filter_results: [{ prompt_index: 0 }] },
      role,
      chunk({ content: "Ja" }, { content_filter_results: {} }),
      end(),
      done,
    ),
    told: ["text|Ja", "finish end"],
  },
  "OpenRouter: comments, thoughts in two fields, the finish chunk twice": {
    stream: `: OPENROUTER PROCESSING\n\n${sse(
      chunk({
        role: "assistant",
        content: "",
        reasoning: "H",
        reasoning_details: [{ type: "reasoning.text", text: "H", index: 0 }],
      }),
    )}: OPENROUTER PROCESSING\n\n${sse(
      chunk({ content: "", reasoning: "m", reasoning_details: [{ type: "reasoning.text", text: "m", index: 0 }] }),
      chunk({
        content: "",
        reasoning: null,
        reasoning_details: [{ type: "reasoning.text", signature: "s", index: 0 }],
      }),
      chunk({ content: "Hi" }),
      end("stop", { native_finish_reason: "end_turn" }),
      end("stop", { usage: { ...usage, cost: 0.5 } }),
      done,
    )}`,
    told: [
      "reasoning|Hm",
      'reasoning-details [{"type":"reasoning.text","text":"Hm","index":0,"signature":"s"}]',
      "text|Hi",
      counted,
      "finish end",
    ],
  },
  "OpenRouter: state of thoughts that comes behind the text": {
    stream: sse(
      chunk({ content: "Hi" }),
      chunk({ content: "", reasoning_details: [{ type: "reasoning.encrypted", data: "x", index: 0 }] }),
      chunk({ content: "!" }),
      end(),
      done,
    ),
    told: [
      "text|Hi!",
      "reasoning|",
      'reasoning-details [{"type":"reasoning.encrypted","data":"x","index":0}]',
      "finish end",
    ],
  },
  "OpenRouter: a summary of thoughts only in the details": {
    stream: sse(
      chunk({ reasoning_details: [{ type: "reasoning.summary", summary: "Su", index: 0 }] }),
      chunk({ reasoning_details: [{ type: "reasoning.summary", summary: "m", index: 0 }] }),
      chunk({ content: "Hi" }),
      end(),
      done,
    ),
    told: [
      "reasoning|Sum",
      'reasoning-details [{"type":"reasoning.summary","summary":"Sum","index":0}]',
      "text|Hi",
      "finish end",
    ],
  },
  "OpenRouter: a picture": {
    stream: sse(
      chunk({ content: "Look" }),
      chunk({ content: "", images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }),
      end(),
      done,
    ),
    told: ["text|Look", "image|", "finish end"],
  },
  "DeepSeek: nulls, and usage with the finish": {
    stream: sse(
      chunk({ role: "assistant", content: null, reasoning_content: "" }),
      chunk({ content: null, reasoning_content: "Hm" }),
      chunk({ content: "Ja", reasoning_content: null }),
      end("stop", {
        usage: {
          ...usage,
          prompt_cache_hit_tokens: 8,
          prompt_cache_miss_tokens: 2,
          completion_tokens_details: { reasoning_tokens: 3 },
        },
      }),
      done,
    ),
    told: ["reasoning|Hm", "text|Ja", 'usage {"input":2,"cacheRead":8,"output":2,"reasoning":3}', "finish end"],
  },
  "Groq: a whole call in one delta, usage in its own place": {
    stream: sse(
      { ...role, x_groq: { id: "req" } },
      called({ index: 0, id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }),
      end("tool_calls", { x_groq: { usage } }),
      done,
    ),
    told: ['function f c1|{"a":1}', counted, "finish tool_calls"],
  },
  "xAI: reasoning beside the completion": {
    stream: sse(
      chunk({ role: "assistant", content: "", reasoning_content: "Hm" }),
      chunk({ content: "Ja" }),
      end("stop", {
        usage: {
          prompt_tokens: 12,
          completion_tokens: 1,
          total_tokens: 241,
          completion_tokens_details: { reasoning_tokens: 228 },
        },
      }),
      done,
    ),
    told: ["reasoning|Hm", "text|Ja", 'usage {"input":12,"output":1,"reasoning":228}', "finish end"],
  },
  "Mistral: content as lists, two calls without index in the finish chunk": {
    stream: sse(
      chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "Né" }] }] }),
      chunk({ content: [{ type: "text", text: "Ja" }] }),
      chunk(
        {
          content: "",
          tool_calls: [
            { id: "a", function: { name: "f", arguments: "{}" } },
            { id: "b", function: { name: "g", arguments: '{"x":1}' } },
          ],
        },
        { finish_reason: "tool_calls", usage },
      ),
      done,
    ),
    told: ["reasoning|Né", "text|Ja", "function f a|{}", 'function g b|{"x":1}', counted, "finish tool_calls"],
  },
  "Moonshot: usage inside the choice": {
    stream: sse(
      chunk({ content: "Ja" }),
      { ...end(), choices: [{ index: 0, delta: {}, finish_reason: "stop", usage: { ...usage, cached_tokens: 4 } }] },
      done,
    ),
    told: ["text|Ja", 'usage {"input":6,"cacheRead":4,"output":5}', "finish end"],
  },
  "Gemini: a signature on the call, and `stop` behind it": {
    stream: sse(
      called({
        index: 0,
        id: "c1",
        type: "function",
        function: { name: "f", arguments: "{}" },
        extra_content: { google: { thought_signature: "raw==" } },
      }),
      end("stop"),
      done,
    ),
    told: ["function f c1|{}", "gemini-signature raw==", "finish tool_calls"],
  },
  "vLLM: an empty list of calls, and the stop text that was hit": {
    stream: sse(chunk({ content: "Ja", tool_calls: [] }), end("stop", { stop_reason: "END" }), done),
    told: ["text|Ja", "finish stop"],
  },
  "LM Studio: name repeated as an empty text": {
    stream: sse(
      begun(0, "c1", "f"),
      called({ index: 0, function: { name: "", arguments: '{"a"' } }),
      called({ index: 0, id: "", function: { name: "", arguments: ":1}" } }),
      end("tool_calls"),
      done,
    ),
    told: ['function f c1|{"a":1}', "finish tool_calls"],
  },
  "id and name in every delta": {
    stream: sse(
      called({ index: 0, id: "c1", type: "function", function: { name: "f", arguments: '{"a"' } }),
      called({ index: 0, id: "c1", type: "function", function: { name: "f", arguments: ":1}" } }),
      end("tool_calls"),
      done,
    ),
    told: ['function f c1|{"a":1}', "finish tool_calls"],
  },
  "the id behind the arguments": {
    stream: sse(
      called({ index: 0, function: { name: "f", arguments: '{"a"' } }),
      called({ index: 0, id: "c1", function: { arguments: ":1}" } }),
      end("tool_calls"),
      done,
    ),
    told: ['function f c1|{"a":1}', "finish tool_calls"],
  },
  "the name behind the id, without index": {
    stream: sse(
      called({ id: "c1" }),
      called({ function: { name: "f", arguments: "{" } }),
      called({ function: { arguments: "}" } }),
      end("tool_calls"),
      done,
    ),
    told: ["function f c1|{}", "finish tool_calls"],
  },
  "no ids at all": {
    stream: sse(
      called({ index: 0, function: { name: "f", arguments: "{}" } }),
      called({ index: 1, function: { name: "g", arguments: "{}" } }),
      end("stop"),
      done,
    ),
    told: ["function f ?|{}", "function g ?|{}", "finish tool_calls"],
  },
  "arguments as an object": {
    stream: sse(called({ index: 0, id: "c1", function: { name: "f", arguments: { a: 1 } } }), end("tool_calls"), done),
    told: ['function f c1|{"a":1}', "finish tool_calls"],
  },
  "two calls whose arguments come in turns": {
    stream: sse(
      begun(0, "c1", "f"),
      begun(1, "c2", "g"),
      args(0, '{"a"'),
      args(1, '{"b"'),
      args(0, ":1}"),
      args(1, ":2}"),
      end("tool_calls"),
      done,
    ),
    told: ['function f c1|{"a":1}', 'function g c2|{"b":2}', "finish tool_calls"],
  },
  "text between a call that is not whole": {
    stream: sse(
      begun(0, "c1", "f"),
      args(0, '{"a"'),
      chunk({ content: "meanwhile" }),
      args(0, ":1}"),
      end("tool_calls"),
      done,
    ),
    told: ['function f c1|{"a":1}', "text|meanwhile", "finish tool_calls"],
  },
  "text behind whole calls": {
    stream: sse(begun(0, "c1", "f"), args(0, "{}"), chunk({ content: "done" }), end("stop"), done),
    told: ["function f c1|{}", "text|done", "finish tool_calls"],
  },
  "a call without arguments before another": {
    stream: sse(begun(0, "c1", "f"), begun(1, "c2", "g"), args(1, "{}"), end("tool_calls"), done),
    told: ["function f c1|", "function g c2|{}", "finish tool_calls"],
  },
  "a function of before tools": {
    stream: sse(
      chunk({ role: "assistant", content: null, function_call: { name: "f", arguments: "" } }),
      chunk({ function_call: { arguments: '{"a"' } }),
      chunk({ function_call: { arguments: ":1}" } }),
      end("function_call"),
      done,
    ),
    told: ['function f ?|{"a":1}', "finish tool_calls"],
  },
  "only `[DONE]` at the end": { stream: sse(role, chunk({ content: "Ja" }), done), told: ["text|Ja", "finish end"] },
  "only the finish at the end": {
    stream: sse(role, chunk({ content: "Ja" }), end("length")),
    told: ["text|Ja", "finish length"],
  },
  "`tool_calls` without any call": {
    stream: sse(chunk({ content: "Ja" }), end("tool_calls"), done),
    told: ["text|Ja", "finish end"],
  },
  "the message instead of a delta, and no blank line at the end": {
    stream: `data: ${JSON.stringify({ id: "x", choices: [{ message: { role: "assistant", content: "Ja" }, finish_reason: "stop" }] })}`,
    told: ["text|Ja", "finish end"],
  },
  "the only choice has another number": {
    stream: sse(
      chunk({ content: "Ja" }, { index: 3 }),
      chunk({ content: "no" }, { index: 4 }),
      end("stop", { index: 3 }),
      done,
    ),
    told: ["text|Ja", "finish end"],
  },
  "a spoken answer": {
    stream: sse(
      chunk({ audio: { id: "a", transcript: "Hel" } }),
      chunk({ audio: { transcript: "lo", data: "AAAA" } }),
      end(),
      done,
    ),
    told: ["text|Hello", "finish end"],
  },
  "CRLF, two unreadable events, fields of odd types": {
    stream: (
      sse(chunk({ content: "a" })) +
      "data: {broken\n\ndata: nothing\n\n" +
      sse(
        chunk({ content: 7, tool_calls: "x", reasoning: {}, images: [null], refusal: [] }),
        chunk({ content: "b" }),
        end(),
        done,
      )
    ).replaceAll("\n", "\r\n"),
    told: ["text|ab", "finish end"],
  },
};

/** Streams that end in a failure, and what of it is told. */
export const failures: Readonly<Record<string, { stream: string; told: string[] }>> = {
  "OpenRouter: an error in the middle": {
    stream: sse(
      chunk({ content: "Ja" }),
      {
        ...chunk({}),
        error: { code: 502, message: "Provider disconnected", metadata: { provider_name: "X" } },
        choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }],
      },
      done,
    ),
    told: ["text|Ja", "error upstream_error: Provider disconnected"],
  },
  "Gemini: an error in a list": {
    stream: `data: ${JSON.stringify([{ error: { code: 503, message: "busy", status: "UNAVAILABLE" } }])}\n\n`,
    told: ["error upstream_overloaded: busy"],
  },
  "an error that is no event at all": {
    stream: JSON.stringify({ error: { message: "no", type: "server_error", code: null } }),
    told: ["error upstream_error: no"],
  },
  "vLLM: an error without `error`": {
    stream: sse({ object: "error", message: "bad", type: "BadRequestError", code: 400 }),
    told: ["error invalid_request: bad"],
  },
  "an error by the event's name": {
    stream: `event: error\ndata: {"message":"broken","type":"server_error"}\n\n`,
    told: ["error upstream_error: broken"],
  },
  "`error` as the finish alone": {
    stream: sse(chunk({ content: "Ja" }), end("error"), done),
    told: ["text|Ja", "error upstream_error: The upstream ended its answer with an error and did not say which."],
  },
  "DeepSeek: no resources left": {
    stream: sse(chunk({ content: "Ja" }), end("insufficient_system_resource"), done),
    told: ["text|Ja", "error upstream_overloaded: The upstream broke off its answer: insufficient_system_resource."],
  },
  "a call without a name": {
    stream: sse(called({ index: 0, id: "c1", function: { arguments: "{}" } }), end("tool_calls"), done),
    told: ["error upstream_invalid_response: The upstream called a tool and did not say which."],
  },
  "three unreadable events in a row": {
    stream: `${sse(chunk({ content: "a" }))}data: {x\n\ndata: <html>\n\ndata: "text"\n\n${sse(end(), done)}`,
    told: ["text|a", "error upstream_invalid_response: The upstream sent 3 events in a row that are no JSON objects."],
  },
};

import { latin1OfUtf8 } from "../../../src/lib/latin1.ts";

/** A stream of an upstream as latin1 text, with its model's name (as JSON writes it) put in. */
export type SampleStream = (model: string) => string;

function sample(build: (model: string) => string): SampleStream {
  return (model) => latin1OfUtf8(build(model));
}

const done = "data: [DONE]\n\n";

/** Streams as the named servers word them, every one with a whole answer, its finish and `[DONE]`. */
export const sampleStreams: Readonly<Record<string, SampleStream>> = {
  "OpenRouter with comments": sample(
    (m) => `: OPENROUTER PROCESSING

: OPENROUTER PROCESSING

data: {"id":"gen-1","provider":"X","model":${m},"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}

data: {"id":"gen-1","provider":"X","model":${m},"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"Grüße, 世界 😀"},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}

: OPENROUTER PROCESSING

data: {"id":"gen-1","provider":"X","model":${m},"object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"!"},"finish_reason":"stop","native_finish_reason":"STOP","logprobs":null}]}

data: {"id":"gen-1","provider":"X","model":${m},"object":"chat.completion.chunk","created":1,"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,"cost":0.5}}

${done}`,
  ),
  "OpenAI with usage null and obfuscation": sample(
    (
      m,
    ) => `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":${m},"service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB3"}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"q"}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"obfuscation":"zz"}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":${m},"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10},"obfuscation":""}

${done}`,
  ),
  "DeepSeek with usage in the finish chunk": sample(
    (
      m,
    ) => `data: {"id":"d","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Hmm"},"finish_reason":null}]}

data: {"id":"d","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{"content":"Yes","reasoning_content":null},"finish_reason":null}]}

data: {"id":"d","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":8,"total_tokens":28,"prompt_cache_hit_tokens":16,"prompt_cache_miss_tokens":4,"completion_tokens_details":{"reasoning_tokens":3}}}

${done}`,
  ),
  "Azure with a filter chunk first": sample((m) =>
    `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}

data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1,"id":"c2","model":${m},"object":"chat.completion.chunk"}

data: {"choices":[{"content_filter_results":{"hate":{"filtered":false}},"delta":{"content":"Ja"},"finish_reason":null,"index":0}],"created":1,"id":"c2","model":${m},"object":"chat.completion.chunk"}

data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0}],"created":1,"id":"c2","model":${m},"object":"chat.completion.chunk"}

${done}`.replaceAll('"model":""', `"model":${m}`),
  ),
  "CRLF, odd spacing and unknown fields": sample((m) =>
    `data:{ "x_new" : {"a":[1.0,1e2,12345678901234567890]} ,"model"\t:  ${m} , "choices":[ {"index" :0,"delta":{ "content":"a b"} } ] }

event: message
id: 4
data: {"model":${m},"choices":[{"index":0,"delta":{"content":"c"},"finish_reason" : null}], "x_groq":{"id":"r"}}

data:   {"model":${m},"choices":[{"index":0,"delta":{},"finish_reason" : "stop"}]}

${done}`.replaceAll("\n", "\r\n"),
  ),
  "CR line ends": sample((m) =>
    `: hello

data: {"id":"r","model":${m},"choices":[{"delta":{"content":"a"}}]}

data: {"id":"r","model":${m},"choices":[{"delta":{},"finish_reason":"length"}]}

${done}`.replaceAll("\n", "\r"),
  ),
  "data in several lines": sample(
    (m) => `data: {
data:   "id": "p", "model":
data: ${m},
data:   "choices": [{"delta": {"content": "a"}}]
data: }

: between
data: {"id":"p",
: inside
data: "choices":[{"delta":{"content":"b"},
data:"finish_reason":"stop"}],"model":${m}}

${done}`,
  ),
  "texts that look like fields": sample(
    (
      m,
    ) => `data: {"id":"t","model":${m},"choices":[{"index":0,"delta":{"content":"\\"model\\":\\"vendor/x\\", \\"usage\\":{\\"a\\":1}"}}]}

data: {"id":"t","model":${m},"choices":[{"index":0,"delta":{"content":"{\\"error\\":{\\"message\\":\\"no\\"}} data: [DONE]\\n\\n"}}]}

data: {"id":"t","model":${m},"choices":[{"index":0,"delta":{"content":"\\\\\\"finish_reason\\":\\"error\\" \\\\"}}]}

data: {"id":"t","model":${m},"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\\"model\\":\\"vendor/x\\"}"}}],"model":"nested","x":{"model":"deeper","error":null}}}]}

data: {"id":"t","model":${m},"choices":[{"index":0,"delta":{"content":"z"},"model":"of a choice"}],"meta":{"model":"of meta"}}

data: {"id":"t","model":${m},"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

${done}`,
  ),
  "the model behind the choices, and twice": sample(
    (m) => `data: {"id":"b","choices":[{"delta":{"content":"}]\\"model"}}],"model":${m}}

data: {"id":"b","choices":[{"delta":{"content":"x"}}],"mod\\u0065l":${m}, "model" :${m}}

data: {"id":"b","choices":[{"delta":{},"finish_reason":"stop"}],"model":${m}}

${done}`,
  ),
  "Mistral with thinking as an array": sample(
    (
      m,
    ) => `data: {"id":"m","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Né"}]}]},"finish_reason":null}]}

data: {"id":"m","object":"chat.completion.chunk","created":1,"model":${m},"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}

${done}`,
  ),
  "a broken event between whole ones": sample(
    (m) => `data: {"id":"w","model":${m},"choices":[{"delta":{"content":"a"}}]}

data: {broken "model":"vendor/x", ]

data: not JSON at all

event: ping
data:

data: {"id":"w","model":${m},"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}

${done}`,
  ),
};

/** The model that the samples' upstreams name, and the one their clients shall see. */
export const servedName = JSON.stringify("vendor/model-é");
export const shownName = JSON.stringify("orcestator-ü");

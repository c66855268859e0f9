import type { FaultProtocol } from "./fault-wire.ts";
import { errorBody, keepAlive, sendBody, type Fault, type Scene } from "./fault-scene.ts";

/** Refusals: a status that says what is wrong, and at times how long to wait. */

interface Wait {
  headers?: Readonly<Record<string, string>>;
  /** Goes into the error object. */
  more?: Readonly<Record<string, unknown>>;
}

function inSeconds(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000);
}

const retryInfo = "type.googleapis.com/google.rpc.RetryInfo";

/** How upstreams say when to come back; the number is seconds. */
const waits: Readonly<Record<string, (seconds: number, protocol: FaultProtocol) => Wait>> = {
  seconds: (seconds) => ({ headers: { "retry-after": String(seconds) } }),
  ms: (seconds) => ({ headers: { "retry-after-ms": String(seconds * 1000) } }),
  "x-ms": (seconds) => ({ headers: { "x-ms-retry-after-ms": String(seconds * 1000) } }),
  date: (seconds) => ({ headers: { "retry-after": inSeconds(seconds).toUTCString() } }),
  /** Only Google's own error bodies have it. */
  info: (seconds) => ({ more: { details: [{ "@type": retryInfo, retryDelay: `${seconds}s` }] } }),
  openai: (seconds) => ({
    headers: {
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": `${seconds}s`,
      "x-ratelimit-remaining-tokens": "90000",
      "x-ratelimit-reset-tokens": "2ms",
    },
  }),
  anthropic: (seconds) => ({
    headers: {
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-requests-reset": inSeconds(seconds).toISOString(),
      "anthropic-ratelimit-tokens-remaining": "90000",
      "anthropic-ratelimit-tokens-reset": inSeconds(1).toISOString(),
    },
  }),
  openrouter: (seconds) => ({
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(inSeconds(seconds).getTime()) },
  }),
  /** What is no time to wait at all. */
  text: (_, protocol) => ({ headers: { "retry-after": protocol === "openai-chat" ? "soon" : "a while" } }),
  negative: (seconds) => ({ headers: { "retry-after": String(-seconds) } }),
  infinite: () => ({ headers: { "retry-after": "1e999" } }),
  nan: () => ({ headers: { "retry-after": "NaN", "retry-after-ms": "NaN" } }),
  huge: () => ({ headers: { "retry-after": "99999999999999999999" } }),
  past: () => ({ headers: { "retry-after": inSeconds(-3600).toUTCString() } }),
};

function waitOf({ args, protocol }: Scene): Wait {
  const [, how = "", seconds = "0"] = args;
  return waits[how]?.(Number(seconds), protocol) ?? {};
}

/** `status:503`, `status:429:seconds:30` */
const status: Fault = (scene) => {
  const code = Number(scene.args[0]);
  const { headers = {}, more = {} } = waitOf(scene);
  sendBody(scene, { status: code, headers, body: errorBody(scene, code, more) });
};

/** How each upstream says that the prompt is too long. */
const tooLong: Readonly<Record<FaultProtocol, (scene: Scene) => string>> = {
  "openai-chat": (scene) => {
    const message = `This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. ${scene.message}`;
    const error = { message, type: "invalid_request_error", param: "messages", code: "context_length_exceeded" };
    return JSON.stringify({ error });
  },
  "openai-responses": (scene) => {
    const message = `Your input exceeds the context window of this model. Please adjust your input and try again. ${scene.message}`;
    const error = { message, type: "invalid_request_error", param: "input", code: "context_length_exceeded" };
    return JSON.stringify({ error });
  },
  "anthropic-messages": (scene) => {
    const message = `prompt is too long: 212893 tokens > 200000 maximum. ${scene.message}`;
    return JSON.stringify({ type: "error", error: { type: "invalid_request_error", message } });
  },
  "gemini-generate": (scene) => {
    const message = `The input token count (1048900) exceeds the maximum number of tokens allowed (1048576). ${scene.message}`;
    return JSON.stringify({ error: { code: 400, message, status: "INVALID_ARGUMENT" } });
  },
  "ollama-chat": (scene) => {
    const error = `the input length exceeds the context length. ${scene.message}`;
    return JSON.stringify({ error });
  },
};

/** How each upstream says that it will not answer this. Anthropic and Ollama have no refusal of their own for it. */
const unwanted: Readonly<Record<FaultProtocol, (scene: Scene) => { status: number; body: string }>> = {
  "openai-chat": (scene) => openaiUnwanted(scene),
  "openai-responses": (scene) => openaiUnwanted(scene),
  "anthropic-messages": (scene) => ({
    status: 403,
    body: JSON.stringify({ error: { code: 403, message: scene.message, metadata: { reasons: ["violence"] } } }),
  }),
  "gemini-generate": (scene) => ({
    status: 403,
    body: JSON.stringify({ error: { code: 403, message: scene.message, metadata: { flagged_input: "…" } } }),
  }),
  "ollama-chat": (scene) => ({
    status: 403,
    body: JSON.stringify({ error: { code: 403, message: scene.message, metadata: { reasons: ["violence"] } } }),
  }),
};

function openaiUnwanted({ message }: Scene): { status: number; body: string } {
  const error = { message, type: "invalid_request_error", param: null, code: "content_policy_violation" };
  return { status: 400, body: JSON.stringify({ error }) };
}

export const refusals = {
  status,
  "too-long": (scene) => sendBody(scene, { status: 400, body: tooLong[scene.protocol](scene) }),
  unwanted: (scene) => sendBody(scene, unwanted[scene.protocol](scene)),
  /** A status that is an error, and a body that is none. */
  "strange-body": (scene) => {
    const [code = "502", kind = "html"] = scene.args;
    const bodies: Record<string, string> = {
      html: "<html>rotten gateway</html>",
      empty: "",
      half: '{"error":{"rotten',
    };
    sendBody(scene, { status: Number(code), headers: { "content-type": "text/html" }, body: bodies[kind] ?? "" });
  },
  /** Goes to the place that is named, if anybody follows. */
  redirect: (scene) => {
    const [code = "302", where = ""] = scene.args;
    sendBody(scene, { status: Number(code), headers: { location: decodeURIComponent(where) }, body: "" });
  },
  /** An error whose body never ends. */
  "endless-error": async (scene) => {
    const { exchange } = scene;
    exchange.start({ status: Number(scene.args[0]), headers: { "content-type": "application/json" } });
    exchange.write(Buffer.alloc(128 * 1024, "r"));
    scene.mark();
    while (!exchange.hasEnded()) {
      exchange.write(Buffer.alloc(16 * 1024, "r"));
      await exchange.drained();
      await exchange.pause(5);
    }
  },
  /** An error whose body does not come. */
  "silent-error": (scene) => {
    scene.exchange.start({ status: Number(scene.args[0]), headers: { "content-type": "application/json" } });
    scene.mark();
  },
  "dribbling-error": (scene) => {
    scene.exchange.start({ status: Number(scene.args[0]), headers: { "content-type": "application/json" } });
    scene.mark();
    return keepAlive(scene);
  },
} satisfies Record<string, Fault>;

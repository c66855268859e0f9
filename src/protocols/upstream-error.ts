import { GatewayError, type ErrorCode } from "../errors.ts";
import { parseRetryAfter } from "../lib/retry-after.ts";
import { fieldsOf, isFields, listOf, type Fields } from "./fields.ts";

/** An upstream's error object with every field of the type one expects, or empty. */
interface UpstreamErrorBody {
  message: string;
  type: string;
  code: string;
  param: string | undefined;
  metadata: Fields | undefined;
  /** Gemini says in its details how long to wait. */
  retryAfterSeconds: number | undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Upstreams quote whole requests in their messages. */
const longestMessage = 1000;

/** What an upstream sent is not what its protocol says. */
export function invalidAnswer(message: string): GatewayError {
  return new GatewayError({ code: "upstream_invalid_response", status: 502, message });
}

/** `google.rpc.RetryInfo` among the details: `"34.4s"`. */
function retryInfoOf(details: unknown): number | undefined {
  for (const detail of listOf(details)) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textOf(fieldsOf(detail)["retryDelay"]))?.[1];
    if (seconds !== undefined) return Number(seconds);
  }
  return undefined;
}

function normalise(error: Fields): UpstreamErrorBody {
  return {
    message: textOf(error["message"]).slice(0, longestMessage),
    // Gemini's word is its `status`.
    type: textOf(error["type"]) || textOf(error["status"]),
    code: textOf(error["code"]),
    param: typeof error["param"] === "string" ? error["param"] : undefined,
    metadata: isFields(error["metadata"]) ? error["metadata"] : undefined,
    retryAfterSeconds: retryInfoOf(error["details"]),
  };
}

/** The error object in an upstream's body: `{error:{…}}`, `{error:"text"}`, `[{error}]` (Gemini), `{object:"error"}` (vLLM) or `{detail}`. */
export function errorObjectOf(body: unknown): UpstreamErrorBody | undefined {
  const value: unknown = Array.isArray(body) ? body[0] : body;
  if (!isFields(value)) return undefined;
  const { error } = value;
  if (isFields(error)) return normalise(error);
  if (typeof error === "string" && error !== "") return normalise({ message: error });
  if (value["object"] === "error") return normalise(value);
  return typeof value["detail"] === "string" ? normalise({ message: value["detail"] }) : undefined;
}

function parseBody(body: string): UpstreamErrorBody | undefined {
  try {
    return errorObjectOf(JSON.parse(body));
  } catch {
    return undefined;
  }
}

const moderationMarks = ["content_policy_violation", "content_filter", "moderation"];

function isModeration(error: UpstreamErrorBody | undefined): boolean {
  if (error === undefined) return false;
  const { metadata = {} } = error;
  if ("reasons" in metadata || "flagged_input" in metadata) return true;
  return [textOf(metadata["error_type"]), error.code, error.type].some((mark) => moderationMarks.includes(mark));
}

/** OpenAI, Azure, vLLM · Anthropic · Gemini · Ollama, llama.cpp · Mistral and others. */
const tooLong =
  /(?:maximum|exceeds?(?: the)?(?: available)?) (?:context|prompt) (?:length|size|window)|context length of|(?:prompt|input) is too long|input token count.{0,40}exceeds the maximum|too large for model with \d+ maximum context/i;

function isContextLength(error: UpstreamErrorBody | undefined): boolean {
  if (error === undefined) return false;
  if (error.code === "context_length_exceeded" || error.metadata?.["error_type"] === "context_length_exceeded")
    return true;
  return tooLong.test(error.message);
}

/** OpenRouter's words for money that is there, but too little for this one request. */
const tooExpensive = /(?:^|\W)fewer max_tokens|prompt tokens limit exceeded|token capacity required, [1-9]/i;
const nothingLeft = /can only afford 0(?!\d)|exceeded: \d+ > 0(?!\d)/i;

/** A request that asks for less could still be paid with the same credential. */
export function asksForLess({ code, message }: GatewayError): boolean {
  return code === "insufficient_quota" && tooExpensive.test(message) && !nothingLeft.test(message);
}

interface Verdict {
  code: ErrorCode;
  status: number;
  retryable: boolean;
}

/** What an upstream's status means for the request. 401, 402, 403 and 407 (a proxy's) speak of the gateway's own credential. */
function judge(status: number, error: UpstreamErrorBody | undefined): Verdict {
  if ((status === 403 || status === 400) && isModeration(error))
    return { code: "content_policy_violation", status: 400, retryable: false };
  if (status === 401 || status === 403 || status === 407)
    return { code: "upstream_rejected_credential", status: 502, retryable: false };
  if (status === 402) return { code: "insufficient_quota", status: 402, retryable: false };
  if (status === 404) return { code: "model_not_found", status: 404, retryable: false };
  if (status === 408) return { code: "upstream_timeout", status: 504, retryable: true };
  if (status === 409) return { code: "conflict", status: 409, retryable: false };
  if ((status === 413 || status === 422) && isContextLength(error))
    return { code: "context_length_exceeded", status: 400, retryable: false };
  if (status === 413) return { code: "request_too_large", status: 413, retryable: false };
  if (status === 422) return { code: "unprocessable", status: 422, retryable: false };
  if (status === 429 && error?.code === "insufficient_quota")
    return { code: "insufficient_quota", status: 402, retryable: false };
  if (status === 429) return { code: "rate_limit_exceeded", status: 429, retryable: true };
  if (status === 503 || status === 529) return { code: "upstream_overloaded", status: 503, retryable: true };
  if (status === 504 || status === 524) return { code: "upstream_timeout", status: 504, retryable: true };
  if (status >= 500) return { code: "upstream_error", status: 502, retryable: true };
  if (status >= 400 && isContextLength(error))
    return { code: "context_length_exceeded", status: 400, retryable: false };
  if (status >= 400) return { code: "invalid_request", status, retryable: false };
  return { code: "upstream_invalid_response", status: 502, retryable: false };
}

function plainText(body: string): string {
  const text = body.trim();
  return text.startsWith("<") ? "" : text.slice(0, 500);
}

/** The most telling text an upstream gave; OpenRouter hides the provider's own words in `metadata.raw`. */
function messageOf(status: number, error: UpstreamErrorBody | undefined, body: string): string {
  const own = error === undefined ? plainText(body) : error.message;
  const raw = textOf(error?.metadata?.["raw"]).slice(0, 500);
  const detail = raw !== "" && !own.includes(raw) ? ` (${raw})` : "";
  return own === "" ? `The upstream answered ${status} without an explanation.${detail}` : own + detail;
}

/** An upstream's refusal in the gateway's words. Never throws. */
export function decodeUpstreamError(reply: {
  status: number;
  headers: Pick<Headers, "get">;
  body: string;
}): GatewayError {
  return toGatewayError(reply.status, parseBody(reply.body), { body: reply.body, headers: reply.headers });
}

/** An error object that came with status 200 or inside a stream; its `code` is the status where it is a number. */
export function decodeErrorObject(error: UpstreamErrorBody): GatewayError {
  const code = Number(error.code);
  const status = Number.isInteger(code) && code >= 400 && code < 600 ? code : statusOfType(error);
  return toGatewayError(status, error, { body: "", headers: new Headers() });
}

/** Words of all protocols for a kind of failure → its status; the first that stands in type or code counts. */
const statusOfWord: readonly (readonly [RegExp, number])[] = [
  [/rate_limit|resource_exhausted/i, 429],
  [/insufficient_quota|billing/i, 402],
  [/authentication|invalid_api_key|unauthenticated/i, 401],
  [/permission/i, 403],
  [/not_found/i, 404],
  [/request_too_large/i, 413],
  [/overloaded|unavailable/i, 529],
  [/timeout|deadline_exceeded/i, 504],
  [/invalid_request|invalid_argument|invalid_prompt|context_length/i, 400],
];

function statusOfType(error: UpstreamErrorBody): number {
  const name = `${error.type} ${error.code}`;
  return statusOfWord.find(([word]) => word.test(name))?.[1] ?? 502;
}

function toGatewayError(
  status: number,
  error: UpstreamErrorBody | undefined,
  reply: { body: string; headers: Pick<Headers, "get"> },
): GatewayError {
  const verdict = judge(status, error);
  const message = messageOf(status, error, reply.body);
  return new GatewayError({
    ...verdict,
    message:
      verdict.code === "upstream_rejected_credential"
        ? `The upstream refused the gateway's own credential (${status}): ${message}`
        : message,
    retryAfterSeconds: parseRetryAfter(reply.headers, Date.now()) ?? error?.retryAfterSeconds,
    param: error?.param,
    details: {
      upstreamStatus: status,
      ...(error === undefined || error.code === "" || /^\d+$/.test(error.code) ? {} : { upstreamCode: error.code }),
      ...(error?.metadata === undefined ? {} : { metadata: error.metadata }),
    },
  });
}

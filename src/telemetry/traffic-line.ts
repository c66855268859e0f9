import { completionTokens, promptTokens, type RequestRecord } from "./request-record.ts";

/** One line of the traffic log, read back. `undefined` numbers were not known when it was written. */
export interface TrafficLine {
  /** ISO 8601, UTC. */
  timestamp: string;
  user: string;
  /** The answer; of a request that did not complete, what went wrong and the part that had arrived. */
  assistant: string;
  promptTokens: number | undefined;
  completionTokens: number | undefined;
  latencyMs: number | undefined;
  /** What served it; empty when nothing did. */
  model: string;
  /** What was asked for. */
  originalModel: string;
  /** 200 for a request that completed. */
  status: number;
  /** Why it did not complete. */
  errorCode: string | undefined;
}

/** Failed for a reason other than the client leaving. */
export function isError(line: TrafficLine): boolean {
  return line.errorCode !== undefined && line.status !== 499;
}

const separator = " | ";
const fieldCount = 8;

// \p{Cs} matches lone surrogates only (the u flag reads pairs as one character); UTF-8 could not carry them.
// eslint-disable-next-line no-control-regex
const special = /[\\|\u0000-\u001f\u007f-\u009f\u2028\u2029\p{Cs}]/gu;
const escapeSequence = /\\(?:u([0-9a-fA-F]{4})|([\\|nrt]))/g;
const shortEscapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "|": "\\|",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};
const shortOriginals: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

const marker = /^\[(\d{3}) ([\w.-]+)\](?: |$)/;
const timestampShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const numberShape = /^\d{1,15}$/;

function escapeCharacter(character: string): string {
  return shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Text that fits into one field of one line; `unescapeField` gives it back exactly. */
export function escapeField(text: string): string {
  return text.replace(special, escapeCharacter);
}

/** Inverse of `escapeField`. A backslash that begins no known escape stays as it is. */
export function unescapeField(field: string): string {
  if (!field.includes("\\")) return field;
  return field.replace(escapeSequence, (_sequence, code: string | undefined, letter: string | undefined) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return shortOriginals[letter ?? ""] ?? letter ?? "";
  });
}

function numberField(value: number | undefined): string {
  return value !== undefined && Number.isFinite(value) ? String(Math.max(0, Math.round(value))) : "";
}

function failureText(record: RequestRecord): string {
  const partial = record.assistantText ?? "";
  // A client that leaves is no failure worth words: what it had got is.
  if (record.endReason === "client_cancelled" && partial !== "") return partial;
  return [record.errorMessage ?? "", partial].filter((text) => text !== "").join("\n");
}

function assistantField(record: RequestRecord): string {
  if (record.endReason === "completed") {
    const field = escapeField(record.assistantText ?? "");
    // An answer that merely looks like a marker must not pass for a failure.
    return marker.test(field) ? `\\u005b${field.slice(1)}` : field;
  }
  const code = (record.errorCode ?? record.endReason).replaceAll(/[^\w.-]/g, "_") || record.endReason;
  const text = escapeField(failureText(record));
  return `[${statusField(record.status)} ${code}]${text === "" ? "" : ` ${text}`}`;
}

function statusField(status: number): string {
  return status >= 100 && status <= 999 ? String(Math.trunc(status)) : "500";
}

/**
 * `timestamp | user | assistant | prompt_tokens | completion_tokens | latency_ms | model | original_model`, without a
 * newline. Always one line of eight fields; unknown values are empty fields. The answer of a request that did not complete
 * begins with its status and reason: `[503 upstream_error] message`.
 */
export function formatTrafficLine(record: RequestRecord): string {
  return [
    new Date(record.startedAt).toISOString(),
    escapeField(record.userText ?? ""),
    assistantField(record),
    numberField(promptTokens(record.usage)),
    numberField(completionTokens(record.usage)),
    numberField(record.latencyMs),
    escapeField(record.modelServed ?? ""),
    escapeField(record.modelAsked),
  ].join(separator);
}

/** `undefined` when the field holds something that is neither empty nor a number. */
function parseNumber(field: string): { value: number | undefined } | undefined {
  if (field === "") return { value: undefined };
  return numberShape.test(field) ? { value: Number(field) } : undefined;
}

/** Reads one line (without its newline) back; `undefined` when it is no line of this format. */
export function parseTrafficLine(line: string): TrafficLine | undefined {
  // Editors and copy-paste trim the blank that follows the last separator when the last field is empty.
  const fields = (line.endsWith(" |") ? `${line} ` : line).split(separator);
  if (fields.length !== fieldCount) return undefined;
  const [
    timestamp = "",
    user = "",
    assistant = "",
    prompt = "",
    completion = "",
    latency = "",
    model = "",
    asked = "",
  ] = fields;
  const numbers = [prompt, completion, latency].map(parseNumber);
  if (numbers.includes(undefined)) return undefined;
  if (!timestampShape.test(timestamp) || Number.isNaN(Date.parse(timestamp))) return undefined;
  const failure = marker.exec(assistant);
  return {
    timestamp,
    user: unescapeField(user),
    assistant: unescapeField(failure === null ? assistant : assistant.slice(failure[0].length)),
    promptTokens: numbers[0]?.value,
    completionTokens: numbers[1]?.value,
    latencyMs: numbers[2]?.value,
    model: unescapeField(model),
    originalModel: unescapeField(asked),
    status: failure === null ? 200 : Number(failure[1]),
    errorCode: failure?.[2],
  };
}

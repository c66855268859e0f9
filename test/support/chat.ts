import type { Gateway } from "./gateway.ts";

export interface ChatRequestOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
  path?: string;
}

export const userMessage = { role: "user", content: "Say hello." } as const;

/** Posts a chat request: an object is sent as JSON, a text as it is. */
export function postChat(
  gateway: Pick<Gateway, "url">,
  body: Record<string, unknown> | string | Uint8Array,
  options: ChatRequestOptions = {},
): Promise<Response> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  return fetch(`${gateway.url}${options.path ?? "/chat/completions"}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...options.headers },
    body: isRaw ? (body as string) : JSON.stringify({ messages: [userMessage], ...body }),
    ...(options.signal && { signal: options.signal }),
  });
}

export type Data = Record<string, unknown>;

/** The `data:` payloads of an event stream in order; `[DONE]` stays a text. */
export function eventsOf(stream: string): (Data | string)[] {
  const events: (Data | string)[] = [];
  for (const block of stream.split(/\r?\n\r?\n/)) {
    const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
    if (lines.length === 0) continue;
    const payload = lines.map((line) => line.slice(5).trimStart()).join("\n");
    events.push(payload === "[DONE]" ? payload : (JSON.parse(payload) as Data));
  }
  return events;
}

export interface ErrorBody {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** The `error` of an OpenAI error body, once its shape has been checked. */
export async function errorOf(response: Response): Promise<ErrorBody> {
  const text = await response.text();
  const parsed = JSON.parse(text) as { error?: Partial<ErrorBody> };
  const { error } = parsed;
  const keys = Object.keys(error ?? {}).sort();
  if (
    error === undefined ||
    typeof error.message !== "string" ||
    error.message === "" ||
    typeof error.type !== "string"
  ) {
    throw new Error(`no OpenAI error body: ${text}`);
  }
  for (const name of ["code", "message", "param", "type"]) {
    if (!keys.includes(name)) throw new Error(`error body without ${name}: ${text}`);
  }
  return error as ErrorBody;
}

import { isPlainObject } from "../config/path.ts";
import { CliError, usageError } from "./output.ts";

export interface JsonRequest {
  readonly url: string;
  /** Default: GET. */
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Goes as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  readonly timeoutMs: number;
}

export interface JsonReply {
  readonly status: number;
  /** Parsed body; `undefined` when it is no JSON. */
  readonly body: unknown;
}

/** What an error in any of the gateway's own answers says. */
export function errorMessageIn({ body }: JsonReply): string | undefined {
  const error = isPlainObject(body) ? body["error"] : undefined;
  const message = isPlainObject(error) ? error["message"] : undefined;
  return typeof message === "string" ? message : undefined;
}

/** Nobody answered: refused, unknown host, TLS failure or too slow. `message` says which. */
export class UnreachableError extends CliError {}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ConnectionRefused: "nothing listens there",
  ENOTFOUND: "the host name is not known",
  ECONNRESET: "the connection was cut",
  TimeoutError: "no answer in time",
};

function isLoopback(url: URL): boolean {
  return url.hostname === "localhost" || url.hostname === "[::1]" || url.hostname.startsWith("127.");
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return reasons[code] ?? reasons[error.name] ?? error.message;
}

/** Checks a URL a person typed; the trailing slash is taken off. */
export function httpUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw usageError(`${text} is no http:// or https:// URL`);
  }
  return text.replace(/\/+$/, "");
}

type Sent = Pick<RequestInit, "method" | "body" | "headers"> & { readonly signal: AbortSignal };

/** A request of the command line. Redirects are not followed: they could carry a key to another host. */
function send(target: URL, request: Sent): Promise<Response> {
  // A proxy cannot reach this machine's own loopback, and the gateway's own certificate is often self-signed.
  const local = isLoopback(target) ? { proxy: false as const, tls: { rejectUnauthorized: false } } : {};
  return fetch(target, { ...request, redirect: "manual", ...local });
}

export function get(target: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  return send(target, { headers, signal });
}

/** One JSON document. */
export async function fetchJson({
  url,
  method = "GET",
  body,
  headers = {},
  token,
  timeoutMs,
}: JsonRequest): Promise<JsonReply> {
  const target = new URL(httpUrl(url));
  const own = { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const access = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await send(target, { method, headers: { ...own, ...access, ...headers }, signal, ...sent });
    return { status: response.status, body: parseJson(await response.text()) };
  } catch (error) {
    throw new UnreachableError(`${target.origin} cannot be reached: ${reasonOf(error)}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

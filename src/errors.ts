/** What went wrong, in the words of no particular protocol. Each protocol's `error.encode` maps a code to its own type and status. */
export type ErrorCode =
  | "invalid_request"
  | "context_length_exceeded"
  | "content_policy_violation"
  | "invalid_api_key"
  | "forbidden"
  | "insufficient_quota"
  | "not_found"
  | "model_not_found"
  | "method_not_allowed"
  | "conflict"
  | "request_timeout"
  | "request_too_large"
  | "unsupported_media_type"
  | "unprocessable"
  | "upgrade_required"
  | "rate_limit_exceeded"
  | "upstream_error"
  | "upstream_unreachable"
  | "upstream_overloaded"
  | "upstream_timeout"
  | "upstream_invalid_response"
  | "upstream_empty_answer"
  | "upstream_rejected_credential"
  /** The process has more to do than it may. */
  | "overloaded"
  | "draining"
  | "client_cancelled"
  | "internal_error";

export interface GatewayErrorOptions {
  code: ErrorCode;
  /** HTTP status in the gateway's own terms; a protocol may show its clients another one. */
  status: number;
  /** Shown to the client: what happened, where, what to do. Never a secret, never a stack. */
  message: string;
  /** Whether the same attempt may be repeated on the same target. Decided where the failure is understood. */
  retryable?: boolean;
  /** Seconds until a new try makes sense, when the other side said so. */
  retryAfterSeconds?: number | undefined;
  /** Path of the offending field in the request, e.g. `messages`. */
  param?: string | undefined;
  /** The upstream's own error code or further facts worth showing. */
  details?: Readonly<Record<string, unknown>> | undefined;
  /** Headers of the upstream's refusal that the client may see: rate limits, ids. */
  headers?: Readonly<Record<string, string>> | undefined;
  cause?: unknown;
}

/** The only expected error in the house. Anything else that is thrown is a bug and becomes a bare 500. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly param: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(options: GatewayErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GatewayError";
    this.code = options.code;
    this.status = options.status;
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.param = options.param;
    this.details = options.details;
    this.headers = options.headers;
  }

  /** The same error with something added. */
  with(changes: Partial<GatewayErrorOptions>): GatewayError {
    const { code, status, message, retryable, retryAfterSeconds, param, details, headers, cause } = this;
    const own = { code, status, message, retryable, retryAfterSeconds, param, details, headers, cause };
    return new GatewayError({ ...own, ...changes });
  }
}

const mask = "[credential]";
/** Shorter ones are no real ones, and would be found in ordinary words. */
const shortestSecret = 8;

/** The same without a secret that an upstream quoted in it ("Incorrect API key provided: sk-…"); what is no GatewayError stays as it is. */
export function withoutSecret<T>(thrown: T, secret: string | undefined): T | GatewayError {
  if (!(thrown instanceof GatewayError) || secret === undefined || secret.length < shortestSecret) return thrown;
  const { message } = thrown;
  const details = JSON.stringify(thrown.details ?? {});
  const quoted = JSON.stringify(secret).slice(1, -1);
  if (!message.includes(secret) && !details.includes(quoted)) return thrown;
  return thrown.with({
    message: message.replaceAll(secret, mask),
    details: thrown.details && (JSON.parse(details.replaceAll(quoted, mask)) as Record<string, unknown>),
  });
}

export function invalidRequest(message: string, param?: string): GatewayError {
  return new GatewayError({ code: "invalid_request", status: 400, message, param });
}

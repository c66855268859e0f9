import type { GatewayError } from "../../errors.ts";
import { rateLimitWait } from "../../lib/rate-limit-wait.ts";

const longestSeconds = 24 * 60 * 60;
const mostHeaders = 50;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** OpenRouter puts the headers of a limit into the error itself: `metadata.headers["X-RateLimit-Reset"]`. */
function headersInside({ details }: GatewayError): Record<string, string> {
  const metadata = details?.["metadata"];
  const headers = isObject(metadata) ? metadata["headers"] : undefined;
  if (!isObject(headers)) return {};
  const entries = Object.entries(headers).slice(0, mostHeaders);
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/**
 * Seconds to wait that an upstream's "too often" names, at most a day: its Retry-After, else the reset of the limit that
 * its headers call used up. `undefined` when it names none.
 */
export function limitWaitSeconds(error: GatewayError, now: number): number | undefined {
  const { retryAfterSeconds: asked, headers } = error;
  if (asked !== undefined && Number.isFinite(asked) && asked >= 0) return Math.min(asked, longestSeconds);
  return (headers && rateLimitWait(headers, now)) ?? rateLimitWait(headersInside(error), now);
}

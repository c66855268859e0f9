/** Request headers of a client that may go upstream; everything else (cookies, keys, hop-by-hop) stays here. */
const requestAllowed = [
  "anthropic-beta",
  "anthropic-version",
  "openai-beta",
  "http-referer",
  "x-title",
  "x-openrouter-title",
  "x-openrouter-categories",
  "x-openrouter-metadata",
  "x-session-id",
  "idempotency-key",
] as const;

const responseAllowed: ReadonlySet<string> = new Set([
  "request-id",
  "x-generation-id",
  "retry-after",
  "retry-after-ms",
  "openai-processing-ms",
  "x-openrouter-metadata",
]);
const responsePrefixes = ["x-ratelimit-", "anthropic-ratelimit-"] as const;
const longestValue = 4096;

/** Client headers that go upstream, as a plain object. */
export function requestHeadersFor(client: Headers): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of requestAllowed) {
    const value = client.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}

/** What is asked of an upstream's headers; names in lower case, repeated ones joined. */
export interface ReadableHeaders {
  get(name: string): string | null;
  forEach(callback: (value: string, name: string) => void): void;
}

/** Upstream headers that the client may see; control characters and non-latin text are dropped with their header. */
export function responseHeadersFor(upstream: ReadableHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  upstream.forEach((value, name) => {
    if (!responseAllowed.has(name) && !responsePrefixes.some((prefix) => name.startsWith(prefix))) return;
    if (/^[\t\x20-\x7e]*$/.test(value) && value.length <= longestValue) headers[name] = value;
  });
  return headers;
}

export interface Cors {
  /** No origin is allowed: no answer is ever marked. */
  readonly isOff: boolean;
  /** The answer to a preflight; `undefined` when the request is none or its origin is not allowed. */
  preflight(request: Request): Response | undefined;
  /** Adds what lets the browser's page read the answer. */
  mark(request: Request, response: Response): void;
}

/** All that any path takes: what a path does not take, it says itself, and the page may read that. */
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const exposed = "x-request-id, retry-after, x-generation-id, x-should-retry";

/** `origins`: exact origins, or `*`. Never with credentials: keys travel in headers, not in cookies. */
export function createCors(origins: readonly string[]): Cors {
  const allowsAny = origins.includes("*");
  const allowed = new Set(origins);

  function originOf(request: Request): string | undefined {
    if (origins.length === 0) return undefined;
    const origin = request.headers.get("origin");
    if (origin === null || !(allowsAny || allowed.has(origin))) return undefined;
    return allowsAny ? "*" : origin;
  }

  return {
    isOff: origins.length === 0,
    preflight(request) {
      const origin = originOf(request);
      if (origin === undefined || !request.headers.has("access-control-request-method")) return undefined;
      return new Response(null, {
        status: 204,
        headers: {
          "access-control-allow-origin": origin,
          "access-control-allow-methods": methods,
          "access-control-allow-headers":
            request.headers.get("access-control-request-headers") ?? "authorization, content-type",
          "access-control-max-age": "600",
          vary: "origin",
        },
      });
    },
    mark(request, response) {
      const origin = originOf(request);
      if (origin === undefined) return;
      response.headers.set("access-control-allow-origin", origin);
      response.headers.set("access-control-expose-headers", exposed);
      response.headers.append("vary", "origin");
    },
  };
}

import type { GatewayError } from "../errors.ts";
import { withoutTokens } from "../keys/token.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { plainError } from "./errors.ts";
import type { RouteParts } from "./route-parts.ts";

export interface RefusedRequest {
  request: Request;
  error: GatewayError;
  /** As the client sees it. */
  status: number;
  /** Where it is known from before: the connection of a client that went away has none. */
  address?: string | undefined;
}

/** Every request that is refused outside the gateway passes here exactly once, or nobody would hear of it. */
export interface Refusals {
  /** Counts and reports a refusal whose answer is made elsewhere. */
  tell(refused: RefusedRequest): void;
  /** The answer in the form most clients know, counted and reported. */
  answer(refused: {
    request: Request;
    error: GatewayError;
    headers?: Record<string, string>;
    /** Whose words the client knows; OpenAI's where nobody can tell. */
    protocol?: Protocol | undefined;
  }): Response;
}

/** What was asked for, without what may be a key. */
function pathOf(url: string): string {
  const path = URL.parse(url)?.pathname ?? url.replace(/\?.*$/s, "");
  return withoutTokens(path.replace(/(?<=\/k\/+)[^/]+/gi, "…"));
}

export function createRefusals({
  connections,
  metrics,
  onRefusal,
}: Pick<RouteParts, "connections" | "metrics" | "onRefusal">): Refusals {
  function tell({ request, error, status, address }: RefusedRequest): void {
    metrics.requestRefused(status);
    onRefusal({
      status,
      code: error.code,
      message: withoutTokens(error.message),
      method: connections.methodOf(request),
      path: pathOf(request.url),
      address: address ?? connections.addressOf(request),
    });
  }

  return {
    tell,
    answer({ request, error, headers, protocol }) {
      const response = plainError(error, headers, protocol);
      tell({ request, error, status: response.status });
      return response;
    },
  };
}

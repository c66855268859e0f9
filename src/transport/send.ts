import { GatewayError } from "../errors.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import type { Destination } from "./destination.ts";
import { networkFailure } from "./failure.ts";
import { createHttp1Client } from "./http1/client.ts";
import { sendThroughProxy } from "./proxied.ts";
import type { UpstreamReply } from "./reply.ts";

export interface UpstreamRequest {
  destination: Destination;
  method: string;
  headers: Record<string, string>;
  /** A text has one character a byte. */
  body?: Uint8Array<ArrayBuffer> | string;
  /** Ends the request and its answer's body. */
  stop: StopSignal;
  connectMs: number;
  /** URL of an outbound proxy; `false` ignores the proxy variables of the environment. */
  proxy?: string | false | undefined;
  /** PEM text of further certificate authorities. */
  ca?: string | undefined;
}

/** The reason of a stop, when the house itself stopped it; else what the network said. */
export function failureOfSend(error: unknown, stop: StopSignal, host: string): GatewayError {
  const reason = stop.reason();
  return reason instanceof GatewayError ? reason : networkFailure(error, host);
}

const client = createHttp1Client({
  failureOf: (error, { stop, destination }) => failureOfSend(error, stop, destination.host),
});

const proxyVariables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] as const;

/** Whether the environment may want a proxy for this host. `fetch` itself decides in the end; a plain NO_PROXY entry spares it the question. */
function mayBeProxied({ hostname }: Destination, environment: NodeJS.ProcessEnv = process.env): boolean {
  if (proxyVariables.every((name) => (environment[name] ?? "") === "")) return false;
  const exceptions = (environment["NO_PROXY"] ?? environment["no_proxy"] ?? "").split(",").map((entry) => entry.trim());
  return !exceptions.some(
    (entry) => entry === "*" || entry === hostname || (entry.startsWith(".") && hostname.endsWith(entry)),
  );
}

const proxied = new WeakMap<Destination, boolean>();

function isProxied({ proxy, destination }: UpstreamRequest): boolean {
  if (proxy !== undefined) return proxy !== false;
  let answer = proxied.get(destination);
  if (answer === undefined) {
    answer = mayBeProxied(destination);
    proxied.set(destination, answer);
  }
  return answer;
}

async function throughProxy(request: UpstreamRequest): Promise<UpstreamReply> {
  try {
    return await sendThroughProxy(request);
  } catch (error) {
    throw failureOfSend(error, request.stop, request.destination.host);
  }
}

/**
 * The only way out to a network. Redirects are never followed: they could carry a key to another origin.
 * Rejects with GatewayError, or the reason of the stop.
 */
export function sendUpstream(request: UpstreamRequest): Promise<UpstreamReply> {
  return isProxied(request) ? throughProxy(request) : client.send(request);
}

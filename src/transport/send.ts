import { GatewayError } from "../errors.ts";
import { createConnectProbe } from "./connect-probe.ts";
import type { Destination } from "./destination.ts";
import { networkFailure } from "./failure.ts";

export interface UpstreamRequest {
  destination: Destination;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** Ends the request and its answer's body. */
  controller: AbortController;
  connectMs: number;
  /** URL of an outbound proxy; `false` ignores the proxy variables of the environment. */
  proxy?: string | false | undefined;
  /** PEM text of further certificate authorities. */
  ca?: string | undefined;
}

const probe = createConnectProbe();

/** The reason of an abort, when the house itself aborted; else what the network said. */
export function failureOfSend(error: unknown, signal: AbortSignal, host: string): GatewayError {
  if (signal.aborted && signal.reason instanceof GatewayError) return signal.reason;
  return networkFailure(error, host);
}

/**
 * The only way out to a network. Redirects are never followed: `fetch` would carry `x-api-key` to another origin.
 * Rejects with what the network said, or the controller's reason: see `failureOfSend`.
 */
export function sendUpstream(request: UpstreamRequest): Promise<Response> {
  const pending = fetch(request.destination.href, optionsOf(request));
  return typeof request.proxy === "string" || probe.isTrusted(request.destination)
    ? pending
    : watched(request, pending);
}

async function watched(
  { destination, connectMs, controller }: UpstreamRequest,
  pending: Promise<Response>,
): Promise<Response> {
  const endWatch = probe.watch(destination, connectMs, (error) => controller.abort(error));
  try {
    const response = await pending;
    probe.answered(destination);
    return response;
  } finally {
    endWatch();
  }
}

function optionsOf({ method, headers, body, controller, proxy, ca }: UpstreamRequest): BunFetchRequestInit {
  const options: BunFetchRequestInit = { method, headers, signal: controller.signal, redirect: "manual" };
  if (body !== undefined) options.body = body;
  if (typeof proxy === "string") options.proxy = proxy;
  // Bun takes `false` as "no proxy at all"; its types do not know it yet.
  if (proxy === false) Object.assign(options, { proxy: false });
  if (ca !== undefined) options.tls = { ca };
  return options;
}

/** Lets go of a body that nobody will read: an unread one keeps its socket, and its slot, for good. */
export async function discardBody(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // Already broken or locked: nothing is held then.
  }
}

/** At most `limit` bytes of a body as text, for error messages; never throws. */
export async function readShortBody(response: Response, limit: number): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    while (size < limit) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      size += value.length;
    }
    if (size >= limit) await reader.cancel();
  } catch {
    // What arrived is still worth showing.
  }
  return Buffer.concat(parts).subarray(0, limit).toString("utf8");
}

import { GatewayError } from "../errors.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import { createConnectProbe } from "./connect-probe.ts";
import type { Destination } from "./destination.ts";
import { networkFailure } from "./failure.ts";
import { replyOfResponse, type UpstreamReply } from "./reply.ts";

export interface UpstreamRequest {
  destination: Destination;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** Ends the request and its answer's body. */
  stop: StopSignal;
  connectMs: number;
  /** URL of an outbound proxy; `false` ignores the proxy variables of the environment. */
  proxy?: string | false | undefined;
  /** PEM text of further certificate authorities. */
  ca?: string | undefined;
}

const probe = createConnectProbe();

/** The reason of a stop, when the house itself stopped it; else what the network said. */
export function failureOfSend(error: unknown, stop: StopSignal, host: string): GatewayError {
  const reason = stop.reason();
  return reason instanceof GatewayError ? reason : networkFailure(error, host);
}

/**
 * The only way out to a network. Redirects are never followed: `fetch` would carry `x-api-key` to another origin.
 * Rejects with what the network said, or the reason of the stop: see `failureOfSend`.
 */
export async function sendUpstream(request: UpstreamRequest): Promise<UpstreamReply> {
  const controller = new AbortController();
  request.stop.onStop((reason) => controller.abort(reason));
  const pending = fetch(request.destination.href, optionsOf(request, controller.signal));
  if (typeof request.proxy === "string" || probe.isTrusted(request.destination)) return replyOfResponse(await pending);
  return watched(request, pending);
}

async function watched(
  { destination, connectMs, stop }: UpstreamRequest,
  pending: Promise<Response>,
): Promise<UpstreamReply> {
  const endWatch = probe.watch(destination, connectMs, (error) => stop.stop(error));
  try {
    const response = await pending;
    probe.answered(destination);
    return replyOfResponse(response);
  } finally {
    endWatch();
  }
}

function optionsOf({ method, headers, body, proxy, ca }: UpstreamRequest, signal: AbortSignal): BunFetchRequestInit {
  const options: BunFetchRequestInit = { method, headers, signal, redirect: "manual" };
  if (body !== undefined) options.body = body;
  if (typeof proxy === "string") options.proxy = proxy;
  // Bun takes `false` as "no proxy at all"; its types do not know it yet.
  if (proxy === false) Object.assign(options, { proxy: false });
  if (ca !== undefined) options.tls = { ca };
  return options;
}

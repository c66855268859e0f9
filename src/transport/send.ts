import { GatewayError } from "../errors.ts";
import type { StopSignal } from "../lib/stop-signal.ts";
import type { Destination } from "./destination.ts";
import { networkFailure } from "./failure.ts";
import { createHttp1Client } from "./http1/client.ts";
import { proxyVariableFor, shownProxy } from "./outbound-proxy.ts";
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

/** The reason of a stop, when the house itself stopped it; else what the network said. `proxy`: on the way there, as shown. */
export function failureOfSend(error: unknown, stop: StopSignal, host: string, proxy?: string): GatewayError {
  const reason = stop.reason();
  return reason instanceof GatewayError ? reason : networkFailure(error, host, proxy);
}

const client = createHttp1Client({
  failureOf: (error, { stop, destination }) => failureOfSend(error, stop, destination.host),
});

/** By destination: the variables of the environment stay as they were at the start. */
const variables = new WeakMap<Destination, { readonly name: string | undefined }>();

function proxyVariable(destination: Destination): string | undefined {
  let known = variables.get(destination);
  if (known === undefined) {
    known = { name: proxyVariableFor(destination, process.env) };
    variables.set(destination, known);
  }
  return known.name;
}

async function throughProxy(request: UpstreamRequest, shown: string): Promise<UpstreamReply> {
  try {
    return await sendThroughProxy(request);
  } catch (error) {
    throw failureOfSend(error, request.stop, request.destination.host, shown);
  }
}

/**
 * The only way out to a network. Redirects are never followed: they could carry a key to another origin.
 * Rejects with GatewayError, or the reason of the stop.
 */
export function sendUpstream(request: UpstreamRequest): Promise<UpstreamReply> {
  const { proxy, destination } = request;
  if (typeof proxy === "string") return throughProxy(request, shownProxy(proxy));
  const variable = proxy === false ? undefined : proxyVariable(destination);
  if (variable === undefined) return client.send(request);
  return throughProxy(request, `${shownProxy(process.env[variable] ?? "")} (${variable})`);
}

import { GatewayError } from "../errors.ts";
import { createConnectProbe } from "./connect-probe.ts";
import { networkFailure } from "./failure.ts";

export interface UpstreamRequest {
  url: URL;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** Ends the request and its answer's body. Its reason, when a GatewayError, is what the caller gets. */
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
 * Rejects with GatewayError.
 */
export async function sendUpstream(request: UpstreamRequest): Promise<Response> {
  const { url } = request;
  // fetch would also read file:, data: and s3: URLs.
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new GatewayError({
      code: "upstream_unreachable",
      status: 502,
      message: `The upstream's URL must be http or https, not ${url.protocol}`,
    });
  }
  const { controller } = request;
  const isDirect = typeof request.proxy !== "string";
  const endWatch = isDirect ? probe.watch(url, request.connectMs, (error) => controller.abort(error)) : undefined;
  try {
    const response = await fetch(url, optionsOf(request, controller.signal));
    probe.answered(url);
    return response;
  } catch (error) {
    throw failureOfSend(error, controller.signal, url.host);
  } finally {
    endWatch?.();
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

import { createConnectProbe } from "./connect-probe.ts";
import { replyOfResponse, type UpstreamReply } from "./reply.ts";
import type { UpstreamRequest } from "./send.ts";

const probe = createConnectProbe();

/** By way of an outbound proxy, with Bun's own client, which knows proxies and their variables. */
export async function sendThroughProxy(request: UpstreamRequest): Promise<UpstreamReply> {
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
  if (ca !== undefined) options.tls = { ca };
  return options;
}

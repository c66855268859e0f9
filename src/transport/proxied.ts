import { bytesOfLatin1 } from "../lib/latin1.ts";
import { replyOfResponse, type UpstreamReply } from "./reply.ts";
import type { UpstreamRequest } from "./send.ts";

/**
 * By way of an outbound proxy, with Bun's own client, which knows proxies and their variables. It does not tell when its
 * connection stands, so there is no connect deadline here: firstByte and total hold.
 */
export async function sendThroughProxy(request: UpstreamRequest): Promise<UpstreamReply> {
  const controller = new AbortController();
  request.stop.onStop((reason) => controller.abort(reason));
  return replyOfResponse(await fetch(request.destination.href, optionsOf(request, controller.signal)));
}

function optionsOf({ method, headers, body, proxy, ca }: UpstreamRequest, signal: AbortSignal): BunFetchRequestInit {
  const options: BunFetchRequestInit = { method, headers, signal, redirect: "manual" };
  if (body !== undefined) options.body = typeof body === "string" ? bytesOfLatin1(body) : body;
  if (typeof proxy === "string") options.proxy = proxy;
  if (ca !== undefined) options.tls = { ca };
  return options;
}

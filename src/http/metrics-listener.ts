import { isIP } from "node:net";
import type { Server } from "bun";
import { hostnameOf, isLocalHostname } from "../lib/ip.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { readInboundUrl } from "./inbound-url.ts";

/** A web page can point its own name at this machine, but it can send neither an address nor a local name as Host. */
function isOwnName(host: string): boolean {
  const hostname = hostnameOf(host);
  return hostname !== undefined && (isLocalHostname(hostname) || isIP(hostname) !== 0);
}

/** A door of its own for Prometheus, loopback by default, without keys: nothing but numbers behind it. */
export function createMetricsListener({
  hostname,
  port,
  metrics,
}: {
  hostname: string;
  port: number;
  metrics: Pick<Metrics, "text" | "contentType">;
}): Server<undefined> {
  const isForThisMachine = isLocalHostname(hostname);
  return Bun.serve({
    hostname,
    port,
    reusePort: false,
    development: false,
    async fetch(request) {
      if (readInboundUrl(request.url) === undefined)
        return new Response("The request's Host header is missing or malformed.\n", { status: 400 });
      if (isForThisMachine && !isOwnName(request.headers.get("host") ?? ""))
        return new Response("The Host header must be localhost or an IP address here.\n", { status: 403 });
      if (URL.parse(request.url)?.pathname !== "/metrics")
        return new Response("Only /metrics is served here.\n", { status: 404 });
      return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
    },
    error: () => new Response("The metrics cannot be read.\n", { status: 500 }),
  });
}

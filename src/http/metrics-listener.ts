import type { Server } from "bun";
import type { Metrics } from "../telemetry/metrics.ts";

/** A door of its own for Prometheus, loopback by default, without keys: nothing but numbers behind it. */
export function createMetricsListener({
  hostname,
  port,
  metrics,
}: {
  hostname: string;
  port: number;
  metrics: Metrics;
}): Server<undefined> {
  return Bun.serve({
    hostname,
    port,
    reusePort: false,
    development: false,
    async fetch(request) {
      if (URL.parse(request.url)?.pathname !== "/metrics")
        return new Response("Only /metrics is served here.\n", { status: 404 });
      return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
    },
  });
}

import { Elysia } from "elysia";
import { GatewayError } from "../errors.ts";
import { createLineStream } from "./line-stream.ts";
import type { RouteParts } from "./route-parts.ts";

const mostLines = 10_000;
const mostWaiting = 20_000;

function readCount(text: string | null): number {
  const count = text === null || text === "" ? 50 : Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= mostLines) return count;
  throw new GatewayError({
    code: "invalid_request",
    status: 400,
    message: `lines must be a number from 0 to ${mostLines}.`,
    param: "lines",
  });
}

function noLog(): GatewayError {
  const message = "No traffic log is kept here (logging.file is empty).";
  return new GatewayError({ code: "not_found", status: 404, message });
}

/** GET /api/logs/tail: the traffic log as server-sent events, one line each; needs the admin token. */
export function logRoutes({ access, server, tail }: RouteParts) {
  return new Elysia({ name: "logs" }).get(
    "/api/logs/tail",
    ({ request }) => {
      access.admin(request, "viewer");
      if (tail === undefined) throw noLog();
      const query = new URL(request.url).searchParams;
      const lines = readCount(query.get("lines"));
      const follow = query.get("follow") !== "false";
      const stream = createLineStream({
        tell: (told) => tail({ lines, follow, ...told }),
        signal: request.signal,
        heartbeatMs: server.heartbeat,
        mostWaiting,
      });
      return new Response(stream, {
        headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
      });
    },
    {
      detail: {
        tags: ["operation"],
        summary: "Traffic log, live",
        description:
          "Server-sent events, one traffic line each: the last `lines` (default 50), then new ones unless `follow=false`. Needs the admin token.",
      },
    },
  );
}

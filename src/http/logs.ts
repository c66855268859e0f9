import { Elysia } from "elysia";
import { GatewayError } from "../errors.ts";
import { plainError } from "./errors.ts";
import type { Services } from "./services.ts";

const mostLines = 10_000;
/** A reader that falls this far behind is let go: its lines would pile up here. */
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

type Tail = NonNullable<Services["tail"]>;

function tailStream(
  tail: Tail,
  options: { lines: number; follow: boolean; heartbeatMs: number; signal: AbortSignal },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const stop = new AbortController();
  options.signal.addEventListener("abort", () => stop.abort(), { once: true });
  let waiting = 0;
  let heartbeat: Timer | undefined;
  const end = (): void => {
    clearInterval(heartbeat);
    stop.abort();
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      heartbeat = setInterval(() => controller.enqueue(encoder.encode(": ping\n\n")), options.heartbeatMs);
      const onLine = (line: string): void => {
        waiting += 1;
        if (stop.signal.aborted) return;
        controller.enqueue(encoder.encode(`data: ${line}\n\n`));
        if (waiting > mostWaiting && (controller.desiredSize ?? 0) < -mostWaiting) stop.abort();
      };
      const { lines, follow } = options;
      const run = async (): Promise<void> => {
        try {
          await tail({ lines, follow, signal: stop.signal, onLine });
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      };
      void run();
    },
    cancel: end,
  });
}

/** GET /api/logs/tail: the traffic log as server-sent events, one line each; needs the admin token. */
export function logRoutes({ access, server, tail }: Services) {
  return new Elysia({ name: "logs" }).get(
    "/api/logs/tail",
    ({ request }) => {
      access.admin(request);
      if (tail === undefined) {
        return plainError(
          new GatewayError({
            code: "not_found",
            status: 404,
            message: "No traffic log is kept here (logging.file is empty).",
          }),
        );
      }
      const query = new URL(request.url).searchParams;
      const stream = tailStream(tail, {
        lines: readCount(query.get("lines")),
        follow: query.get("follow") !== "false",
        heartbeatMs: server.heartbeat,
        signal: request.signal,
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

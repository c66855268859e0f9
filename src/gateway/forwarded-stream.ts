import { GatewayError } from "../errors.ts";
import { alarms } from "../lib/alarms.ts";
import { jsonOf, fieldsOf } from "../protocols/fields.ts";
import { newObservation, type Observation } from "../protocols/protocol.ts";
import { usageOfAnswer, usageOfEvents } from "../protocols/any-usage.ts";
import type { UpstreamReply } from "../transport/reply.ts";
import { clientLeft, type Cancellation } from "./cancellation.ts";

/** A longer JSON answer is not read for its usage. */
const mostRead = 1024 * 1024;
/** Of a stream, the end that holds its usage. */
const mostKept = 64 * 1024;

interface ForwardedStreamOptions {
  reply: UpstreamReply;
  /** What is read along for its usage. */
  reads: "json" | "events" | "nothing";
  /** Called once: without an error at the body's proper end. */
  onEnd: (error: GatewayError | undefined, observation: Observation) => void;
  toGatewayError: (thrown: unknown) => GatewayError;
  /** The request is stopped: the total time is over, or the process drains. */
  cancellation: Pick<Cancellation, "onStop">;
  /** Longest silence of the client, which does not read, or of the upstream. */
  idleMs: number;
}

function silent(idleMs: number): GatewayError {
  const message = `Neither the upstream sent nor the client read anything for ${idleMs} ms (timeouts.idle).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message });
}

/** What may be looked for in an answer of this type. */
export function readsOf(contentType: string): "json" | "events" | "nothing" {
  if (contentType.includes("event-stream") || contentType.includes("ndjson")) return "events";
  return contentType.includes("json") ? "json" : "nothing";
}

/** An upstream's body on its way to the client, pulled by the client. It is cut where the upstream's was. */
export function createForwardedStream({
  reply,
  reads,
  onEnd,
  toGatewayError,
  cancellation,
  idleMs,
}: ForwardedStreamOptions): ReadableStream<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let isOver = false;
  let read = reads;
  let callOff: (() => void) | undefined;
  let own: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** Ends the stream where it is: the client sees that it was cut. */
  function cut(reason: GatewayError): void {
    if (isOver) return;
    end(reason);
    reply.cancel();
    own?.error(reason);
  }

  function watch(): void {
    callOff?.();
    callOff = isOver ? undefined : alarms.set(idleMs, () => cut(silent(idleMs)));
  }

  /** Of JSON all of it, of a stream its end. */
  function readAlong(piece: Uint8Array): void {
    if (read === "nothing") return;
    parts.push(piece);
    size += piece.length;
    if (size <= mostRead) return;
    if (read === "json") read = "nothing";
    parts = read === "events" ? [Buffer.concat(parts).subarray(-mostKept)] : [];
    size = parts[0]?.length ?? 0;
  }

  function end(error?: GatewayError): void {
    if (isOver) return;
    isOver = true;
    callOff?.();
    const observation = newObservation();
    if (size > 0) {
      const text = Buffer.concat(parts).toString("utf8");
      const { usage, costUsd, model } = read === "json" ? usageOfAnswer(fieldsOf(jsonOf(text))) : usageOfEvents(text);
      observation.usage = usage;
      observation.costUsd = costUsd;
      observation.model = model;
    }
    onEnd(error, observation);
  }

  cancellation.onStop(cut);
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        own = controller;
        watch();
      },
      async pull(controller) {
        watch();
        try {
          const piece = await reply.read();
          watch();
          if (isOver) return;
          if (piece === undefined) {
            end();
            controller.close();
            return;
          }
          readAlong(piece);
          controller.enqueue(piece);
        } catch (thrown) {
          cut(toGatewayError(thrown));
        }
      },
      cancel() {
        reply.cancel();
        end(clientLeft());
      },
    },
    { highWaterMark: 0 },
  );
}

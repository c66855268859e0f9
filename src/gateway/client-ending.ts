import { type GatewayError, withoutSecret } from "../errors.ts";
import { newObservation } from "../protocols/protocol.ts";
import { readOut } from "../transport/reply.ts";
import type { OpenedStream } from "./attempt.ts";
import { clientLeft } from "./cancellation.ts";
import type { ClientSink } from "./client-sink.ts";
import { endReasonOf, statusOf } from "./end-reason.ts";
import type { Exchange } from "./exchange.ts";

/** The end of a client's stream: it comes in one of three ways, and only once. */
export interface ClientEnding {
  isOver(): boolean;
  /** The upstream's own end. */
  complete(): void;
  /** An error event. */
  fail(thrown: unknown): void;
  /** A cut, of a stream whose client does not read: it would not read an error event either. */
  abandon(reason: GatewayError): void;
  /** The client has left. */
  leave(): void;
  /** Nobody wants the upstream's answer any more. */
  letUpstreamGo(reason: GatewayError): void;
}

export interface ClientEndingOptions {
  readonly exchange: Exchange;
  readonly sink: Pick<ClientSink, "write" | "close" | "cut">;
  /** `undefined` = the upstream has not answered yet. */
  readonly opened: () => OpenedStream | undefined;
  readonly onEnd: () => void;
}

export function createClientEnding({ exchange, sink, opened, onEnd }: ClientEndingOptions): ClientEnding {
  const { cancellation, recording } = exchange;
  const { protocol } = exchange.call;
  let isOver = false;

  function end(status: number, error?: GatewayError): void {
    isOver = true;
    onEnd();
    cancellation.end();
    recording.finish({
      status,
      endReason: error === undefined ? "completed" : endReasonOf(error),
      error,
      observation: opened()?.editor.observation,
    });
  }

  function letUpstreamGo(reason: GatewayError): void {
    cancellation.cancel(reason);
    const source = opened();
    source?.stop.stop(reason);
    source?.reply.cancel();
  }

  /** In the words of the stream, where it has begun. */
  function eventOf(error: GatewayError): string {
    const editor = opened()?.editor;
    const observation = editor?.observation ?? newObservation();
    return editor?.fail?.(error) ?? protocol.error.encodeInStream(error, observation, exchange.route.modelShown);
  }

  return {
    isOver: () => isOver,
    complete() {
      end(200);
      const source = opened();
      if (source !== undefined) void readOut(source.reply);
      sink.close();
    },
    fail(thrown) {
      if (isOver) return;
      const error = cancellation.reason() ?? exchange.toGatewayError(withoutSecret(thrown, opened()?.credential));
      const event = eventOf(error);
      end(statusOf(protocol, error), error);
      letUpstreamGo(error);
      sink.write(event);
      sink.close();
    },
    abandon(reason) {
      if (isOver) return;
      end(statusOf(protocol, reason), reason);
      letUpstreamGo(reason);
      sink.cut();
    },
    leave() {
      if (isOver) return;
      const reason = clientLeft();
      letUpstreamGo(reason);
      end(499, reason);
    },
    letUpstreamGo,
  };
}

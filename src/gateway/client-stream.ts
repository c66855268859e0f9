import { GatewayError } from "../errors.ts";
import { createDeadlines, type Deadlines } from "../transport/deadlines.ts";
import { failureOfSend } from "../transport/send.ts";
import { endedEarly, type OpenedStream } from "./attempt.ts";
import { clientLeft } from "./cancellation.ts";
import { createClientEnding } from "./client-ending.ts";
import { createClientSink } from "./client-sink.ts";
import type { Exchange } from "./exchange.ts";
import { createPieceReading } from "./piece-reading.ts";
import { createStreamProgress } from "./stream-progress.ts";

export interface ClientStreamOptions {
  /** The first content of the answer, or still the way to it; a rejection ends the stream with an error event. */
  opening: OpenedStream | Promise<OpenedStream>;
  exchange: Exchange;
  heartbeatMs: number;
}

/** What is sent so that a stream does not look dead: in a queue the place in it, where the protocol has comments. */
function heartbeatOf({ call, queued }: Exchange): string {
  const { heartbeat } = call.protocol;
  if (queued === undefined || !heartbeat.startsWith(":")) return heartbeat;
  const eta = queued.etaMs === undefined ? "" : `, about ${Math.ceil(queued.etaMs / 1000)} s`;
  return `: queue position ${queued.position}${eta}\n\n`;
}

function clientSilent(idleMs: number): GatewayError {
  const message = `The client read nothing for ${idleMs} ms.`;
  return new GatewayError({ code: "client_cancelled", status: 499, message });
}

function upstreamSilent({ host, idleMs }: OpenedStream): GatewayError {
  const message = `The upstream ${host} fell silent for ${idleMs} ms (timeouts.idle).`;
  return new GatewayError({ code: "upstream_timeout", status: 504, message });
}

/** The compiler knows the browsers' streams only. */
const DirectStream = ReadableStream as unknown as new (
  source: Bun.DirectUnderlyingSource<Uint8Array>,
) => ReadableStream<Uint8Array>;

/**
 * The client's side of a stream: what it does not take in is not read, so that a slow reader slows the upstream and does
 * not fill our memory.
 */
export function createClientStream({
  opening,
  exchange,
  heartbeatMs,
}: ClientStreamOptions): ReadableStream<Uint8Array> {
  const { cancellation, recording } = exchange;
  const { protocol } = exchange.call;
  let opened: OpenedStream | undefined = opening instanceof Promise ? undefined : opening;
  let hasContent = false;
  let deadlines: Deadlines | undefined;
  const progress = createStreamProgress();
  const sink = createClientSink(onRoom);
  const ending = createClientEnding({ exchange, sink, opened: () => opened, onEnd: () => deadlines?.stop() });
  const reading = createPieceReading({ mayRead: () => !sink.isFull() && !ending.isOver(), onPiece, onBreak });

  function onRoom(): void {
    if (ending.isOver() || reading.isReading() || opened === undefined) return;
    // The silence before was the client's.
    deadlines?.heard();
    progress.restart(performance.now());
    reading.readOn(opened.reply);
  }

  function emit(output: string, now: number): void {
    if (output === "") return;
    deadlines?.told(now);
    if (!hasContent && opened?.editor.hasContent() === true) {
      hasContent = true;
      recording.firstContent();
    }
    sink.write(output);
  }

  /** The upstream has answered: gives what was held back, then all that follows. */
  function begin(source: OpenedStream): void {
    opened = source;
    if (ending.isOver()) {
      ending.letUpstreamGo(clientLeft());
      return;
    }
    deadlines?.limitSilence(source.idleMs);
    progress.restart(performance.now());
    try {
      emit(source.held, performance.now());
      if (source.editor.isEnded()) ending.complete();
    } catch (thrown) {
      ending.fail(thrown);
    }
    reading.readOn(source.reply);
  }

  /** What one piece of the upstream's body (none = its end) comes to. */
  function take(source: OpenedStream, chunk: string | undefined, from: number): void {
    const { editor, host } = source;
    const step = chunk === undefined ? editor.end() : editor.push(chunk);
    progress.watch(source, from);
    emit(step.output, from);
    recording.worked(performance.now() - from);
    if (step.failure !== undefined) throw step.failure;
    if (chunk === undefined && !editor.isComplete()) throw endedEarly(host);
    if (chunk === undefined || editor.isEnded()) ending.complete();
  }

  function onPiece(piece: string | undefined): void {
    const now = performance.now();
    deadlines?.heard(now);
    if (ending.isOver() || opened === undefined) return;
    try {
      take(opened, piece, now);
    } catch (thrown) {
      ending.fail(thrown);
    }
    reading.readOn(opened.reply);
  }

  function onBreak(error: unknown): void {
    // A connection that breaks behind the terminal event broke too late to matter.
    if (opened === undefined || opened.editor.isComplete()) onPiece(undefined);
    else ending.fail(failureOfSend(error, opened.stop, opened.host));
  }

  function onSilence(): void {
    if (ending.isOver() || opened === undefined) return;
    if (reading.isReading()) opened.stop.stop(upstreamSilent(opened));
    else ending.abandon(clientSilent(opened.idleMs));
  }

  function onHeartbeat(): void {
    // A client that does not read gets no further lines to buffer.
    if (!ending.isOver() && !sink.isFull() && protocol.heartbeat !== "") sink.write(heartbeatOf(exchange));
  }

  // A pending read ends by itself when the request is stopped; without one there is nobody else to end the stream.
  cancellation.onStop((reason) => {
    if (opened !== undefined && !reading.isReading()) ending.abandon(reason);
  });

  return new DirectStream({
    type: "direct",
    // Called once. A stream of the usual kind costs several promises for every piece.
    pull(controller) {
      const whole = sink.open(controller);
      if (ending.isOver()) sink.cut();
      else deadlines = createDeadlines({ silenceMs: opened?.idleMs, onSilence, heartbeatMs, onHeartbeat });
      if (opening instanceof Promise) opening.then(begin, (thrown: unknown) => ending.fail(thrown));
      else begin(opening);
      return whole;
    },
    cancel: () => ending.leave(),
  });
}

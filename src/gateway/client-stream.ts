import { GatewayError, withoutSecret } from "../errors.ts";
import { bytesOfLatin1, isAscii, latin1Of } from "../lib/latin1.ts";
import { newObservation, type Protocol } from "../protocols/protocol.ts";
import type { EndReason } from "../telemetry/request-record.ts";
import { createDeadlines, type Deadlines } from "../transport/deadlines.ts";
import { type PieceReader, readOut, type UpstreamReply } from "../transport/reply.ts";
import { failureOfSend } from "../transport/send.ts";
import { endedEarly, type OpenedStream } from "./attempt.ts";
import { clientLeft } from "./cancellation.ts";
import type { Exchange } from "./exchange.ts";

export interface ClientStreamOptions {
  /** The first content of the answer, or still the way to it; a rejection ends the stream with an error event. */
  opening: OpenedStream | Promise<OpenedStream>;
  exchange: Exchange;
  heartbeatMs: number;
}

export function endReasonOf(error: GatewayError): EndReason {
  if (error.code === "client_cancelled") return "client_cancelled";
  if (error.code === "upstream_timeout") return "timeout";
  if (error.code === "draining") return "shutdown";
  return error.code === "internal_error" ? "internal_error" : "upstream_error";
}

/** What a record says of a failure: the status the client was told, or 499 when nobody was there to be told. */
export function statusOf(protocol: Protocol, error: GatewayError): number {
  return error.code === "client_cancelled" ? 499 : protocol.error.encode(error).status;
}

/** What is sent so that a stream does not look dead: in a queue the place in it, where the protocol has comments. */
function heartbeatOf({ call, queued }: Exchange): string {
  const { heartbeat } = call.protocol;
  if (queued === undefined || !heartbeat.startsWith(":")) return heartbeat;
  const eta = queued.etaMs === undefined ? "" : `, about ${Math.ceil(queued.etaMs / 1000)} s`;
  return `: queue position ${queued.position}${eta}\n\n`;
}

/** The compiler knows the browsers' streams only. */
const DirectStream = ReadableStream as unknown as new (
  source: Bun.DirectUnderlyingSource<Uint8Array>,
) => ReadableStream<Uint8Array>;

/**
 * The client's side of a stream: what it does not take in is not read, so that a slow reader slows the upstream and does
 * not fill our memory. It ends in one of three ways, and only once: the upstream's own end, an error event, or a cut.
 */
export function createClientStream(options: ClientStreamOptions): ReadableStream<Uint8Array> {
  const { cancellation, recording } = options.exchange;
  const { protocol } = options.exchange.call;
  let opened: OpenedStream | undefined = options.opening instanceof Promise ? undefined : options.opening;
  let isOver = false;
  let hasContent = false;
  /** Content-bearing events so far, and when the last one came. */
  let contentEvents = 0;
  let progressAt = 0;
  /** A read is under way: the silence is the upstream's. */
  let isReading = false;
  /** The loop that reads is on the stack. */
  let isAsking = false;
  /** The client takes nothing more for now. */
  let isFull = false;
  let deadlines: Deadlines | undefined;
  let sink: ReadableStreamDirectController | undefined;
  /** What Bun waits for: the stream's end, or as a rejection its cut. */
  let whole: PromiseWithResolvers<void> | undefined;

  function end(status: number, error?: GatewayError): void {
    isOver = true;
    deadlines?.stop();
    cancellation.end();
    recording.finish({
      status,
      endReason: error === undefined ? "completed" : endReasonOf(error),
      error,
      observation: opened?.editor.observation,
    });
  }

  function letUpstreamGo(reason: GatewayError): void {
    cancellation.cancel(reason);
    opened?.stop.stop(reason);
    opened?.reply.cancel();
  }

  function close(): void {
    void sink?.end();
    whole?.resolve();
  }

  function fail(thrown: unknown): void {
    if (isOver) return;
    const error = cancellation.reason() ?? options.exchange.toGatewayError(withoutSecret(thrown, opened?.credential));
    const observation = opened?.editor.observation ?? newObservation();
    const text =
      opened?.editor.fail?.(error) ??
      protocol.error.encodeInStream(error, observation, options.exchange.route.modelShown);
    end(statusOf(protocol, error), error);
    letUpstreamGo(error);
    write(text);
    close();
  }

  /** Ends a stream whose client does not read: it would not read an error event either. */
  function abandon(reason: GatewayError): void {
    if (isOver) return;
    end(statusOf(protocol, reason), reason);
    letUpstreamGo(reason);
    // Bun prints whatever else it is told; the record has the reason.
    whole?.reject(undefined);
  }

  /** A promise means that the client's connection is full; what was written is kept for it all the same. */
  function write(output: string): void {
    const room = sink?.write(isAscii(output) ? output : bytesOfLatin1(output));
    if (!(room instanceof Promise) || isFull) return;
    isFull = true;
    room.then(onRoom, onRoom);
  }

  function onRoom(): void {
    isFull = false;
    if (isOver || isReading || opened === undefined) return;
    // The silence before was the client's.
    deadlines?.heard();
    progressAt = performance.now();
    readOn(opened.reply);
  }

  function emit(output: string, now: number): void {
    if (output === "") return;
    deadlines?.told(now);
    if (!hasContent && opened?.editor.hasContent() === true) {
      hasContent = true;
      recording.firstContent();
    }
    write(output);
  }

  function complete(): void {
    end(200);
    if (opened !== undefined) void readOut(opened.reply);
    close();
  }

  /** The upstream has answered: gives what was held back, then all that follows. */
  function begin(opening: OpenedStream): void {
    opened = opening;
    if (isOver) {
      letUpstreamGo(clientLeft());
      return;
    }
    deadlines?.limitSilence(opening.idleMs);
    progressAt = performance.now();
    try {
      emit(opening.held, performance.now());
      if (opening.editor.isEnded()) complete();
    } catch (thrown) {
      fail(thrown);
    }
    readOn(opening.reply);
  }

  /** Comments keep a line alive on which nothing comes any more. */
  function watchProgress({ editor, host, progressMs }: OpenedStream, now: number): void {
    if (editor.observation.contentEvents !== contentEvents) {
      ({ contentEvents } = editor.observation);
      progressAt = now;
    } else if (now - progressAt > progressMs && !editor.isComplete()) {
      const message = `The upstream ${host} sent nothing of its answer for ${progressMs} ms (timeouts.progress).`;
      throw new GatewayError({ code: "upstream_timeout", status: 504, message });
    }
  }

  /** What one piece of the upstream's body (none = its end) comes to. */
  function take(source: OpenedStream, chunk: string | undefined, from: number): void {
    const { editor, host } = source;
    const step = chunk === undefined ? editor.end() : editor.push(chunk);
    watchProgress(source, from);
    emit(step.output, from);
    recording.worked(performance.now() - from);
    if (step.failure !== undefined) throw step.failure;
    if (chunk === undefined && !editor.isComplete()) throw endedEarly(host);
    if (chunk === undefined || editor.isEnded()) complete();
  }

  /** One for all pieces: they go out where they come in, without a promise in between. */
  const reader: PieceReader = {
    resolve(piece) {
      settle(piece === undefined ? undefined : latin1Of(piece));
    },
    resolveText: settle,
    reject(error) {
      // A connection that breaks behind the terminal event broke too late to matter.
      if (opened === undefined || opened.editor.isComplete()) settle(undefined);
      else fail(failureOfSend(error, opened.stop, opened.host));
      isReading = false;
    },
  };

  function settle(piece: string | undefined): void {
    const now = performance.now();
    deadlines?.heard(now);
    isReading = false;
    if (isOver || opened === undefined) return;
    try {
      take(opened, piece, now);
    } catch (thrown) {
      fail(thrown);
    }
    readOn(opened.reply);
  }

  const mayRead = (): boolean => !isReading && !isFull && !isOver;

  /** Pieces that wait already are told at once: they are taken one after the other, never one within the other. */
  function readOn(reply: UpstreamReply): void {
    if (isAsking) return;
    isAsking = true;
    while (mayRead()) {
      isReading = true;
      if (reply.readInto === undefined) reply.read().then(reader.resolve, reader.reject);
      else reply.readInto(reader);
    }
    isAsking = false;
  }

  function onSilence(): void {
    if (isOver || opened === undefined) return;
    const { idleMs, host } = opened;
    if (!isReading) {
      const message = `The client read nothing for ${idleMs} ms.`;
      abandon(new GatewayError({ code: "client_cancelled", status: 499, message }));
      return;
    }
    const message = `The upstream ${host} fell silent for ${idleMs} ms (timeouts.idle).`;
    opened.stop.stop(new GatewayError({ code: "upstream_timeout", status: 504, message }));
  }

  function onHeartbeat(): void {
    // A client that does not read gets no further lines to buffer.
    if (!isOver && !isFull && protocol.heartbeat !== "") write(heartbeatOf(options.exchange));
  }

  // A pending read ends by itself when the request is stopped; without one there is nobody else to end the stream.
  cancellation.onStop((reason) => {
    if (opened !== undefined && !isReading) abandon(reason);
  });

  return new DirectStream({
    type: "direct",
    // Called once. A stream of the usual kind costs several promises for every piece.
    pull(controller) {
      sink = controller;
      whole = Promise.withResolvers<void>();
      const { heartbeatMs, opening } = options;
      if (isOver) whole.reject(undefined);
      else deadlines = createDeadlines({ silenceMs: opened?.idleMs, onSilence, heartbeatMs, onHeartbeat });
      if (opening instanceof Promise) opening.then(begin, fail);
      else begin(opening);
      return whole.promise;
    },
    cancel() {
      if (isOver) return;
      const reason = clientLeft();
      letUpstreamGo(reason);
      end(499, reason);
    },
  });
}

import { GatewayError } from "../errors.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import { newObservation, type Protocol } from "../protocols/protocol.ts";
import type { EndReason } from "../telemetry/request-record.ts";
import { createDeadlines, type Deadlines } from "../transport/deadlines.ts";
import { type PieceReader, readOut, type UpstreamReply } from "../transport/reply.ts";
import { failureOfSend } from "../transport/send.ts";
import { endedEarly, type OpenedStream } from "./attempt.ts";
import { clientLeft } from "./cancellation.ts";
import type { Exchange } from "./exchange.ts";
import { withoutSecret } from "./without-secret.ts";

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

/**
 * The client's side of a stream: pulled by the client, so that a slow reader slows the upstream and not our memory.
 * It ends in one of three ways, and only once: the upstream's own end, an error event, or the client's leaving.
 */
export function createClientStream(options: ClientStreamOptions): ReadableStream<Uint8Array> {
  const { cancellation, recording } = options.exchange;
  const { protocol } = options.exchange.call;
  let opened: OpenedStream | undefined = options.opening instanceof Promise ? undefined : options.opening;
  let isStarted = false;
  let isOver = false;
  let hasContent = false;
  /** A read is under way: the silence is the upstream's. */
  let isReading = false;
  /** A piece is being asked for, or dealt with, right now. */
  let isBusy = false;
  /** Another piece is wanted after it. */
  let isWanted = false;
  let deadlines: Deadlines | undefined;
  let own: ReadableStreamDefaultController<Uint8Array> | undefined;

  function end(status: number, error?: GatewayError): void {
    isOver = true;
    isWanted = false;
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

  function fail(thrown: unknown): void {
    if (isOver) return;
    const error = cancellation.reason() ?? options.exchange.toGatewayError(withoutSecret(thrown, opened?.credential));
    const observation = opened?.editor.observation ?? newObservation();
    const text = protocol.error.encodeInStream(error, observation, options.exchange.route.modelShown);
    end(statusOf(protocol, error), error);
    letUpstreamGo(error);
    own?.enqueue(bytesOfLatin1(text));
    own?.close();
  }

  /** Ends a stream whose client does not read: it would not read an error event either. */
  function abandon(reason: GatewayError): void {
    if (isOver) return;
    end(statusOf(protocol, reason), reason);
    letUpstreamGo(reason);
    own?.error(reason);
  }

  function emit(output: string, now: number): boolean {
    if (output === "") return false;
    deadlines?.told(now);
    if (!hasContent && opened?.editor.hasContent() === true) {
      hasContent = true;
      recording.firstContent();
    }
    own?.enqueue(bytesOfLatin1(output));
    return true;
  }

  function complete(): void {
    end(200);
    if (opened !== undefined) void readOut(opened.reply);
    own?.close();
  }

  /** The first pull: waits for the opening, gives what was held back. */
  async function start(): Promise<void> {
    isStarted = true;
    try {
      opened = await options.opening;
      if (isOver) {
        letUpstreamGo(clientLeft());
        return;
      }
      deadlines?.limitSilence(opened.idleMs);
      const hasOutput = emit(opened.held, performance.now());
      if (opened.editor.isEnded()) complete();
      else if (!hasOutput) forward(opened);
    } catch (thrown) {
      fail(thrown);
    }
  }

  /** What one piece of the upstream's body (none = its end) comes to; `true` when the client has got something, or everything. */
  function take({ editor, host }: OpenedStream, chunk: Uint8Array | undefined, from: number): boolean {
    const step = chunk === undefined ? editor.end() : editor.push(latin1Of(chunk));
    const hasOutput = emit(step.output, from);
    recording.worked(performance.now() - from);
    if (step.failure !== undefined) throw step.failure;
    if (chunk === undefined && !editor.isComplete()) throw endedEarly(host);
    if (chunk !== undefined && !editor.isEnded()) return hasOutput;
    complete();
    return true;
  }

  /** One for all pieces: they go out where they come in, without a promise in between. */
  const reader: PieceReader = {
    resolve(piece) {
      const now = performance.now();
      deadlines?.heard(now);
      settle(piece, now);
    },
    reject(error) {
      // A connection that breaks behind the terminal event broke too late to matter.
      if (opened === undefined || opened.editor.isComplete()) settle(undefined, performance.now());
      else fail(failureOfSend(error, opened.stop, opened.host));
      isReading = false;
    },
  };

  function settle(piece: Uint8Array | undefined, now: number): void {
    isReading = false;
    if (isOver || opened === undefined) return;
    const wasBusy = isBusy;
    isBusy = true;
    try {
      if (!take(opened, piece, now)) isWanted = true;
    } catch (thrown) {
      fail(thrown);
    }
    isBusy = wasBusy;
    if (isWanted) ask(opened.reply);
  }

  /** Pieces that wait already are told at once: they are taken one after the other, never one within the other. */
  function ask(reply: UpstreamReply): void {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    while (isWanted) {
      isWanted = false;
      isReading = true;
      if (reply.readInto === undefined) reply.read().then(reader.resolve, reader.reject);
      else reply.readInto(reader);
    }
    isBusy = false;
  }

  /** The client wants more; a heart-beat makes it ask twice for the same piece. */
  function forward({ reply }: OpenedStream): void {
    if (isReading || isOver) return;
    // The silence before was the client's.
    deadlines?.heard();
    ask(reply);
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

  // A pending read ends by itself when the request is stopped; without one there is nobody else to end the stream.
  cancellation.onStop((reason) => {
    if (opened !== undefined && !isReading) abandon(reason);
  });

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        own = controller;
        deadlines = createDeadlines({
          silenceMs: opened?.idleMs,
          onSilence,
          heartbeatMs: options.heartbeatMs,
          onHeartbeat() {
            // A client that does not read gets no further lines to buffer.
            if (!isOver && (controller.desiredSize ?? -1) >= 0) controller.enqueue(bytesOfLatin1(protocol.heartbeat));
          },
        });
      },
      pull() {
        if (!isStarted) return start();
        if (opened !== undefined) forward(opened);
        return undefined;
      },
      cancel() {
        if (isOver) return;
        const reason = clientLeft();
        letUpstreamGo(reason);
        end(499, reason);
      },
    },
    { highWaterMark: 0 },
  );
}

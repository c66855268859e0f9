import { GatewayError } from "../errors.ts";
import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import type { EditorOptions, Envelope, Protocol } from "../protocols/protocol.ts";
import type { ModelTable, Route, Target } from "../routing/model-table.ts";
import type { RequestRecord } from "../telemetry/request-record.ts";
import { responseHeadersFor } from "../transport/headers.ts";
import type { Opened } from "./attempt.ts";
import type { InferenceCall } from "./call.ts";
import { createCancellation, type Cancellation } from "./cancellation.ts";
import { createClientStream, endReasonOf } from "./client-stream.ts";
import { openWithFailover } from "./failover.ts";
import { createRecording, type Recording } from "./recording.ts";

export interface GatewayOptions {
  table: ModelTable;
  /** Characters of prompts and answers that records keep; 0 = none. */
  textLimit: number;
  heartbeatMs: number;
  maxJsonDepth: number;
  responseModel: "alias" | "upstream";
  /** `Retry-After` of a 429 whose upstream named none. */
  retryAfterSeconds: number;
  onStart: () => void;
  onAttempt: (target: Target, outcome: "ok" | GatewayError) => void;
  /** Every request that reached the gateway, once, when it ended. */
  onFinish: (record: RequestRecord) => void;
  onBug: (error: unknown, requestId: string) => void;
}

export interface Gateway {
  /** The path of a request. Never rejects: a failure is an answer in the client's own protocol. */
  handle(call: InferenceCall): Promise<Response>;
  /** Requests that have not ended. */
  active(): number;
  /** Ends all running requests with `reason`. */
  stop(reason: GatewayError): void;
}

/** Bun closes a connection that is silent for longer; a quiet answer in one piece asks for more time before. */
const silenceAfterMs = 30_000;

interface Run {
  call: InferenceCall;
  envelope: Envelope;
  route: Route;
  recording: Recording;
  cancellation: Cancellation;
  modelShown: string;
}

function isStream(opened: Opened): opened is Extract<Opened, { kind: "stream" }> {
  return opened.kind === "stream";
}

export function errorResponse(protocol: Protocol, error: GatewayError, requestId: string): Response {
  const { status, body, headers } = protocol.error.encode(error);
  return new Response(body, { status, headers: { ...headers, "x-request-id": requestId } });
}

async function answerWhole(run: Run, opening: Promise<Opened>): Promise<Response> {
  const { call, recording, cancellation } = run;
  const quiet = setTimeout(() => call.allowSilence(true), silenceAfterMs);
  try {
    const opened = await opening;
    const from = performance.now();
    if (isStream(opened)) throw new Error("a stream was opened for a request that wants one piece");
    const response = new Response(bytesOfLatin1(opened.output), {
      headers: {
        ...responseHeadersFor(opened.headers),
        "content-type": "application/json",
        "x-request-id": call.requestId,
      },
    });
    recording.worked(performance.now() - from);
    cancellation.end();
    recording.finish({ status: 200, endReason: "completed", observation: opened.observation });
    return response;
  } finally {
    clearTimeout(quiet);
    call.allowSilence(false);
  }
}

export function createGateway(options: GatewayOptions): Gateway {
  const running = new Set<Cancellation>();

  function editorFor(run: Pick<Run, "envelope" | "modelShown">): EditorOptions {
    return {
      modelShown: options.responseModel === "alias" ? run.modelShown : undefined,
      hideUsage: run.envelope.stream && !run.envelope.wantsUsage,
      textLimit: options.textLimit,
    };
  }

  function openingOf(run: Run): Promise<Opened> {
    const { call, recording } = run;
    let workingFrom = call.startedTick;
    return openWithFailover({
      ...run,
      editor: editorFor(run),
      onSend() {
        // Between two tries the clock runs for the upstream's failure, not for our work.
        if (recording.record.attempts === 1) recording.worked(performance.now() - workingFrom);
        workingFrom = performance.now();
      },
      onAttempt(target, outcome) {
        recording.record.provider = target.upstream.name;
        recording.record.modelServed = target.model;
        options.onAttempt(target, outcome);
      },
    });
  }

  function streamResponse(
    run: Run,
    opening: Promise<Extract<Opened, { kind: "stream" }>> | Extract<Opened, { kind: "stream" }>,
  ): Response {
    const { call, route } = run;
    const body = createClientStream({
      ...run,
      opening,
      protocol: call.protocol,
      heartbeatMs: options.heartbeatMs,
      idleMs: route.targets[0]?.upstream.config.timeouts.idle ?? 120_000,
    });
    const headers = opening instanceof Promise ? {} : responseHeadersFor(opening.headers);
    return new Response(body, {
      headers: {
        ...headers,
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "x-request-id": call.requestId,
      },
    });
  }

  /** A failure before the first content is a real status; only when that takes too long do headers and heart-beats go ahead. */
  async function answerStream(run: Run, opening: Promise<Opened>): Promise<Response> {
    const stream = opening.then((opened) => {
      if (isStream(opened)) return opened;
      throw new Error("an answer in one piece was opened for a stream");
    });
    let timer: Timer | undefined;
    const tooLong = new Promise<"waiting">(
      (resolve) => (timer = setTimeout(() => resolve("waiting"), options.heartbeatMs)),
    );
    try {
      const first = await Promise.race([stream, tooLong]);
      return streamResponse(run, first === "waiting" ? stream : first);
    } finally {
      clearTimeout(timer);
    }
  }

  function refuse(run: Pick<Run, "call" | "recording">, thrown: unknown, isOurs: boolean): Response {
    const { call, recording } = run;
    const error = thrown instanceof GatewayError ? thrown : internalError(call.requestId);
    if (!(thrown instanceof GatewayError)) options.onBug(thrown, call.requestId);
    const isSilentLimit = error.code === "rate_limit_exceeded" && error.retryAfterSeconds === undefined;
    const told = isSilentLimit ? error.withRetryAfter(options.retryAfterSeconds) : error;
    const response = errorResponse(call.protocol, told, call.requestId);
    recording.finish({
      status: error.code === "client_cancelled" ? 499 : response.status,
      endReason: isOurs && error.code !== "internal_error" ? "rejected" : endReasonOf(error),
      error,
    });
    return response;
  }

  async function answer(run: Run): Promise<Response> {
    running.add(run.cancellation);
    try {
      const opening = openingOf(run);
      return await (run.envelope.stream ? answerStream(run, opening) : answerWhole(run, opening));
    } catch (thrown) {
      run.cancellation.end();
      return refuse(run, thrown, false);
    }
  }

  return {
    active: () => running.size,
    stop(reason) {
      for (const cancellation of running) cancellation.cancel(reason);
    },
    async handle(call) {
      options.onStart();
      let cancellation: Cancellation | undefined;
      const recording = createRecording({
        call,
        textLimit: options.textLimit,
        onFinish(record) {
          if (cancellation !== undefined) running.delete(cancellation);
          options.onFinish(record);
        },
      });
      try {
        const envelope = call.protocol.peek(latin1Of(call.body), { maxDepth: options.maxJsonDepth });
        recording.see(envelope);
        const route = options.table.resolve(envelope.model);
        cancellation = createCancellation(call.signal, route.targets[0]?.upstream.config.timeouts.total ?? 600_000);
        return await answer({ call, envelope, route, recording, cancellation, modelShown: route.modelShown });
      } catch (thrown) {
        return refuse({ call, recording }, thrown, true);
      }
    },
  };
}

function internalError(requestId: string): GatewayError {
  return new GatewayError({
    code: "internal_error",
    status: 500,
    message: `The gateway failed on this request; its log has more under ${requestId}.`,
  });
}

import { GatewayError } from "../errors.ts";
import { createBag, type Bagged } from "../lib/bag.ts";
import { latin1Of } from "../lib/latin1.ts";
import { overloadError } from "../limits/refusal-error.ts";
import { createRequestFacts } from "../routing/request-facts.ts";
import type { Operation } from "../telemetry/request-record.ts";
import type { Admission, Refused } from "./admission.ts";
import { attempt, type Opened } from "./attempt.ts";
import type { ClientCall, InferenceCall } from "./call.ts";
import { createCancellation, type Cancellation } from "./cancellation.ts";
import { Charging } from "./charging.ts";
import { endReasonOf, statusOf } from "./client-stream.ts";
import type { Exchange } from "./exchange.ts";
import { openWithFailover } from "./failover.ts";
import { createForwarding, type Forwarding } from "./forwarding.ts";
import type { GatewayOptions, Load } from "./gateway-options.ts";
import { type Answering, Holds } from "./hold.ts";
import { admitNoKey } from "./key-admission.ts";
import { textLimitFor } from "./key-rules.ts";
import { laneOf } from "./lane.ts";
import { droppedFields } from "./losses.ts";
import { bringNamed } from "./named-responses.ts";
import { demandOf, takePlace } from "./place.ts";
import { createRecording } from "./recording.ts";
import { endOf } from "./retry.ts";
import { allowSilence, answerStream, errorResponse, nameRouting, wholeResponse } from "./respond.ts";
import { createSharedAnswers } from "./shared-answer.ts";
import { steeringOf } from "./steering.ts";
import type { StoredResponses } from "./stored-responses.ts";
import { tokensOf } from "./tokens-of.ts";
import { totalMsOf } from "./total-ms.ts";
import { wholeRequest } from "./whole-request.ts";
import type { Steps } from "./trying.ts";

export interface Gateway extends Forwarding {
  /** The path of a request. Never rejects: a failure is an answer in the client's own protocol. */
  handle(call: InferenceCall): Promise<Response>;
  /** Why nothing new is taken right now; asked before a request is read. */
  overload(): GatewayError | undefined;
  /** Whoever reads a request's body counts it here meanwhile. */
  readonly load: Load;
  readonly responses: StoredResponses;
  /** Requests that have not ended. */
  active(): number;
  /** Ends all running requests with `reason`. */
  stop(reason: GatewayError): void;
}

interface Running extends Bagged {
  cancellation: Cancellation;
}

function internalError(requestId: string): GatewayError {
  const message = `The gateway failed on this request; its log has more under ${requestId}.`;
  return new GatewayError({ code: "internal_error", status: 500, message });
}

/** Not the gateway's own refusal, also where another request was sent in its place. */
function isUpstreams({ code }: GatewayError): boolean {
  return (
    code.startsWith("upstream_") || code === "client_cancelled" || code === "draining" || code === "internal_error"
  );
}

export function createGateway(options: GatewayOptions): Gateway {
  const { routing, scopes, overload, load, admitKey = admitNoKey } = options;
  const { bring } = options.translation.responses;
  const running = createBag<Running>();

  function exchangeOf(call: InferenceCall, text: string, { recording, holds, charging }: Admission): Exchange {
    const { headers, keyId, protocol } = call;
    const { responses } = options.translation;
    const envelope = protocol.peek(text, { maxDepth: options.maxJsonDepth }, call.path);
    const steering = call.maySteer ? steeringOf(headers) : undefined;
    const facts = createRequestFacts({
      text,
      headers,
      keyId,
      stream: envelope.stream,
      protocol: protocol.id,
      steering,
      whole: protocol.id === "openai-responses" ? () => wholeRequest({ text, keyId }, responses) : undefined,
      members: envelope.object,
    });
    recording.see(envelope, facts);
    const route = options.table.resolve(envelope.model, facts);
    // A request without a model asks for the default one.
    if (envelope.model === undefined) recording.record.modelAsked = route.modelShown;
    const totalMs = totalMsOf(route, facts);
    if (call.grant !== undefined) {
      const { operation } = protocol;
      charging.begin(admitKey(call.grant, { operation, model: envelope.model, route, facts, totalMs }));
    }
    const exchange: Exchange = {
      call,
      envelope,
      route,
      facts,
      routing,
      demand: demandOf(facts, call),
      holds,
      recording,
      cancellation: createCancellation(call.signal, totalMs),
      editor: {
        modelShown: options.responseModel === "alias" ? route.modelShown : undefined,
        hideUsage: envelope.stream && !envelope.wantsUsage,
        textLimit: textLimitFor(call.grant, options.textLimit),
        framing: call.path?.isArray === true ? "array" : "events",
      },
      translation: options.translation,
      translated: undefined,
      losses: [],
      queued: undefined,
      onQueued: (place) => void (exchange.queued = place),
      onAttempt(target, outcome) {
        recording.asked(target);
        options.onAttempt(target, outcome);
      },
      toGatewayError: (thrown) => toGatewayError(thrown, call.requestId),
    };
    return exchange;
  }

  function toGatewayError(thrown: unknown, requestId: string): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    options.onBug(thrown, requestId);
    return internalError(requestId);
  }

  function refuse({ call, protocol, recording, thrown }: Refused): Response {
    const error = toGatewayError(thrown, call.requestId);
    const isSilentLimit = error.code === "rate_limit_exceeded" && error.retryAfterSeconds === undefined;
    const told = isSilentLimit ? error.with({ retryAfterSeconds: options.retryAfterSeconds }) : error;
    const wasSent = recording.record.attempts > 0;
    const headers: Record<string, string> = {};
    if (wasSent && routing.showsRouting) nameRouting(headers, recording);
    const response = errorResponse(protocol, told, { requestId: call.requestId, headers });
    recording.finish({
      status: statusOf(protocol, error),
      endReason: wasSent || isUpstreams(error) ? endReasonOf(error) : "rejected",
      error,
    });
    return response;
  }

  /** Whoever goes on from a response must be who asked for it, and gets to where it was made: nobody else knows its id. */
  function claimResponse(
    responseId: string,
    { keyId, answering }: { keyId: string; answering: Answering | undefined },
  ) {
    options.translation.responses.claim(responseId, keyId);
    if (answering === undefined) return;
    const { stage, facts, hold } = answering;
    routing.planner.keep(stage, facts, { target: hold.target, credential: hold.credential, responseId });
  }

  /** A record for a request, and its place among the running ones once it can be cancelled. */
  function admit(call: ClientCall, operation: Operation, protocol: string): Admission {
    options.onStart();
    const holds = new Holds();
    let entry: Running | undefined;
    let isSilent = false;
    const charging = new Charging();
    const recording = createRecording({
      call,
      operation,
      protocol,
      priceOf: options.routing.priceOf,
      textLimit: textLimitFor(call.grant, options.textLimit),
      onFinish(record, error) {
        if (entry !== undefined) leave(entry);
        if (isSilent) call.allowSilence(false);
        const responseId = holds.responseId ?? record.upstreamId;
        if (protocol === "openai-responses" && responseId !== undefined)
          claimResponse(responseId, { keyId: record.keyId, answering: holds.answered() });
        holds.end(endOf(record, error), tokensOf(record));
        charging.end(record);
        options.onFinish(record);
      },
    });
    return {
      recording,
      holds,
      charging,
      run(cancellation) {
        entry = { cancellation, slot: -1 };
        running.add(entry);
        load.requests += 1;
      },
      end: () => entry?.cancellation.end(),
      allowSilence() {
        isSilent = true;
        call.allowSilence(true);
      },
    };
  }

  function told({ call, recording }: Exchange, { losses }: Opened, upstream: string): void {
    if (losses.length === 0) return;
    recording.record.dropped = droppedFields(losses);
    options.onDropped({ client: call.protocol.id, upstream, count: losses.length });
  }

  /** How a conversation is tried on one target. */
  function stepsOf(exchange: Exchange): Steps<Opened> {
    return {
      async attempt(candidate) {
        const opened = await attempt(exchange, candidate);
        const { upstream } = candidate.target;
        told(exchange, opened, upstream.name);
        const { record } = exchange.recording;
        // Of two that were asked at the same time, the one that answers has the word.
        if (record.trail !== undefined)
          record.lane = record.trail.lane = laneOf(exchange.call.protocol.id, upstream.config.protocols)?.kind;
        return opened;
      },
      discard(opened) {
        if (opened.kind === "stream") opened.reply.cancel();
      },
    };
  }

  /** To the first content of an answer, through the gateway's own limits. */
  function open(exchange: Exchange, { charging }: Admission): Promise<Opened> {
    const waiting = takePlace(exchange, scopes.of(exchange.call, exchange.route.first), charging.pending);
    return waiting === undefined ? openAlone(exchange) : openLater(exchange, waiting);
  }

  async function openLater(exchange: Exchange, waiting: Promise<void>): Promise<Opened> {
    await waiting;
    // What was brought near is there for minutes, and a place may take longer.
    await bringNamed(exchange.envelope.text, { protocol: exchange.call.protocol.id, bring });
    return openAlone(exchange);
  }

  /** With all equal requests of the same time, where the model wants that. */
  function openAlone(exchange: Exchange): Promise<Opened> {
    const isShared = exchange.route.first.singleFlight && !exchange.envelope.stream;
    return isShared ? openShared(exchange, openTargets) : openTargets(exchange);
  }

  const openTargets = (exchange: Exchange): Promise<Opened> => openWithFailover(exchange, stepsOf(exchange));
  const openShared = createSharedAnswers({
    onEnd: (holds, record, error) => holds.end(endOf(record, error), tokensOf(record)),
  });

  function leave(entry: Running): void {
    if (entry.slot >= 0) load.requests -= 1;
    running.remove(entry);
  }

  function overloaded(): GatewayError | undefined {
    const refusal = overload.refusal(load.requests);
    if (refusal === undefined) return undefined;
    routing.onStep({ kind: "shed", reason: refusal.reason });
    return overloadError(refusal);
  }

  const forwarding = createForwarding({ ...options, admit, refuse, toGatewayError });

  return {
    ...forwarding,
    responses: options.translation.responses,
    overload: overloaded,
    load,
    active: () => running.items.length,
    stop(reason) {
      for (const { cancellation } of running.items.toReversed()) cancellation.cancel(reason);
    },
    async handle(call) {
      const { protocol } = call;
      const admission = admit(call, protocol.operation, protocol.id);
      const { recording } = admission;
      let endSilence: (() => void) | undefined;
      try {
        const text = latin1Of(call.body);
        const bringing = bringNamed(text, { protocol: protocol.id, bring });
        if (bringing !== undefined) await bringing;
        const exchange = exchangeOf(call, text, admission);
        admission.run(exchange.cancellation);
        const opening = open(exchange, admission);
        if (exchange.envelope.stream) {
          // Without heart-beats only the upstream's own limits hold.
          if (protocol.heartbeat === "") admission.allowSilence();
          return await answerStream(exchange, opening, options.heartbeatMs);
        }
        endSilence = allowSilence(call);
        return wholeResponse(exchange, await opening);
      } catch (thrown) {
        admission.end();
        return refuse({ call, protocol, recording, thrown });
      } finally {
        endSilence?.();
      }
    },
  };
}

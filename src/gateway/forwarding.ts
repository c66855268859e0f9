import { GatewayError } from "../errors.ts";
import { latin1Of } from "../lib/latin1.ts";
import type { EmbeddingDialect } from "../protocols/embeddings/embedding.ts";
import type { Observation, Protocol } from "../protocols/protocol.ts";
import type { RequestFacts, Route } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Operation } from "../telemetry/request-record.ts";
import type { Admission, Refused } from "./admission.ts";
import type { ClientCall, InferenceCall } from "./call.ts";
import { createCancellation, type Cancellation } from "./cancellation.ts";
import { endReasonOf, statusOf } from "./end-reason.ts";
import { countCallOf, estimatedHeader, readCountRequest } from "./count-tokens.ts";
import { embeddingCallOf } from "./embedding-call.ts";
import { openWithFailover } from "./failover.ts";
import { forwardAttempt, type ForwardCall, type Forwarded } from "./forward.ts";
import { ableRoute, directRoute, factsOf, withRules } from "./forward-route.ts";
import { createForwardedStream, readsOf } from "./forwarded-stream.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { admitNoKey } from "./key-admission.ts";
import { droppedFields } from "./losses.ts";
import { readModelBody } from "./model-field.ts";
import { bringNamed } from "./named-responses.ts";
import { opaqueCallOf, opaqueProtocol } from "./opaque-call.ts";
import { forwardDemandOf, takePlace } from "./place.ts";
import { nameRouting } from "./respond.ts";
import { timeoutOf, totalMsOf } from "./total-ms.ts";
import type { Trying } from "./trying.ts";

export interface OpenaiForwardCall extends ClientCall {
  protocol: Protocol;
  /** Below OpenAI's base URL, e.g. `/images/generations`. */
  path: string;
  operation: Operation;
  wire: string;
}

export interface OpaqueForwardCall extends ClientCall {
  protocol: Protocol;
  /** Name under `providers`. */
  provider: string;
  path: string;
  query: URLSearchParams;
  method: string;
  isFollowUp?: boolean | undefined;
}

export interface EmbedCall extends ClientCall {
  protocol: Protocol;
  dialect: EmbeddingDialect;
  /** Of the request: some dialects have more than one form. */
  pathname: string;
  /** Where the URL names it. */
  model: string | undefined;
}

interface Asked {
  model: string | undefined;
  /** Of a JSON body (latin1). */
  text: string;
  protocol?: Protocol | undefined;
}

/** Where a request may go, and what the choice looks at. */
export interface Resolved {
  route: Route;
  facts: RequestFacts;
}

/** The paths of requests that are no conversations. They never reject: a failure is an answer. */
export interface Forwarding {
  /** OpenAI's other endpoints, at providers that have them. */
  forwardOpenai(call: OpenaiForwardCall): Promise<Response>;
  /** Whatever a provider has besides, by its name. */
  forwardOpaque(call: OpaqueForwardCall): Promise<Response>;
  /** Name of the provider that can be asked for a response again; `undefined` = none does. */
  keeperOfResponses(): string | undefined;
  embed(call: EmbedCall): Promise<Response>;
  countTokens(call: InferenceCall): Promise<Response>;
}

interface ForwardingOptions extends Pick<
  GatewayOptions,
  | "table"
  | "routing"
  | "health"
  | "scopes"
  | "admitKey"
  | "maxJsonDepth"
  | "onAttempt"
  | "onDropped"
  | "responseModel"
  | "translation"
> {
  admit: (call: ClientCall, operation: Operation, protocol: string) => Admission;
  refuse: (refused: Refused) => Response;
  toGatewayError: (thrown: unknown, requestId: string) => GatewayError;
}

/** Refusals that speak of the request itself. */
const ownFaults: readonly number[] = [400, 413, 422];

/** Whether the gateway's own answer may take the place of a failure: somebody still waits for one, and is not at fault. */
function isForgiven(failure: unknown): boolean {
  if (!(failure instanceof GatewayError)) return false;
  return failure.code !== "client_cancelled" && !ownFaults.includes(failure.status);
}

async function openForward(forward: ForwardCall, trying: Trying): Promise<Forwarded> {
  const { standIn } = forward;
  if (standIn?.isAlone === true) return standIn.answer();
  try {
    return await openWithFailover<Forwarded>(trying, {
      isGood: ({ status }) => status < 400,
      attempt: (candidate) => forwardAttempt({ call: forward, candidate, onSend: () => trying.recording.sent() }),
      discard({ body }) {
        if (!(body instanceof Uint8Array)) body.cancel();
      },
    });
  } catch (failure) {
    if (standIn === undefined || !isForgiven(failure)) throw failure;
    return standIn.answer();
  }
}

const hasOpenaiEndpoints = ({ upstream }: Target): boolean => upstream.provider.openaiEndpoint !== undefined;

export function createForwarding(options: ForwardingOptions): Forwarding {
  const { table, routing, scopes, health, maxJsonDepth, responseModel, onAttempt, onDropped } = options;
  const { admit, refuse, toGatewayError, admitKey = admitNoKey } = options;
  const { isStrict, responses } = options.translation;

  function resolve(call: ClientCall, { model, text, protocol }: Asked): Resolved {
    const facts = factsOf(call, { text, protocol });
    return { facts, route: table.resolve(model, facts) };
  }

  function answer(call: ForwardCall, forwarded: Forwarded, admission: Admission, cancellation: Cancellation): Response {
    const { recording, end } = admission;
    const headers: Record<string, string> = { ...forwarded.headers, "x-request-id": call.requestId };
    // Who was asked first gave no estimate.
    if (routing.showsRouting && headers[estimatedHeader] === undefined) nameRouting(headers, recording);
    const { status, body, observation } = forwarded;
    const finish = (error?: GatewayError, seen: Observation = observation): void => {
      end();
      const how =
        error === undefined
          ? ({ status, endReason: "completed" } as const)
          : { status: statusOf(call.protocol, error), endReason: endReasonOf(error), error };
      recording.finish({ ...how, observation: seen });
    };
    if (body instanceof Uint8Array) {
      finish();
      return new Response(body, { status, headers });
    }
    const stream = createForwardedStream({
      reply: body,
      reads: call.isUnmetered === true ? "nothing" : readsOf(headers["content-type"] ?? ""),
      onEnd: finish,
      toGatewayError: (thrown) => toGatewayError(thrown, call.requestId),
      cancellation,
      idleMs: timeoutOf(call.route, "idle"),
    });
    return new Response(stream, { status, headers });
  }

  /** Goes through the targets of a request and answers; the record ends with the answer's last byte. */
  async function run(
    call: ClientCall & { protocol: Protocol },
    operation: Operation,
    read: () => ForwardCall | Promise<ForwardCall>,
  ): Promise<Response> {
    const admission = admit(call, operation, call.protocol.id);
    const { recording } = admission;
    try {
      const reading = read();
      const forward = reading instanceof Promise ? await reading : reading;
      recording.record.protocol = forward.wire;
      recording.record.modelAsked = forward.modelAsked;
      const route = ableRoute(forward);
      const { facts } = forward;
      const totalMs = totalMsOf(route, facts);
      const { chargedAs, isModelCall, isUnmetered: isFree = operation === "count_tokens" } = forward;
      if (call.grant !== undefined && forward.isFollowUp !== true) {
        const charged =
          chargedAs === undefined
            ? { model: forward.modelAsked, route }
            : { model: chargedAs.model, route: directRoute(chargedAs) };
        const asked = { operation, ...charged, facts, totalMs, isFree, isModelCall };
        admission.charging.begin(admitKey(call.grant, asked));
      }
      const cancellation = createCancellation(call.signal, totalMs);
      admission.run(cancellation);
      admission.allowSilence();
      const trying: Trying = {
        route,
        facts,
        routing,
        demand: forwardDemandOf(forward),
        holds: admission.holds,
        recording,
        cancellation,
        onAttempt(target: Target, outcome: "ok" | GatewayError) {
          recording.asked(chargedAs ?? target);
          onAttempt(target, outcome);
        },
      };
      const waiting = takePlace(trying, scopes.of(call, route.first), admission.charging.pending);
      if (waiting !== undefined) await waiting;
      const forwarded = await openForward(forward, trying);
      if (forwarded.status < 400) admission.charging.answered();
      const { losses } = forwarded;
      if (losses.length > 0) {
        recording.record.dropped = droppedFields(losses);
        onDropped({ client: forward.wire, upstream: recording.record.provider ?? "", count: losses.length });
      }
      return answer(forward, forwarded, admission, cancellation);
    } catch (thrown) {
      admission.end();
      return refuse({ call, protocol: call.protocol, recording, thrown });
    }
  }

  return {
    forwardOpenai: (call) =>
      run(call, call.operation, () => {
        const body = readModelBody(call.body, call.headers.get("content-type"), maxJsonDepth);
        const { route, facts } = resolve(call, body);
        return {
          ...call,
          modelAsked: body.model ?? route.modelShown,
          route,
          facts,
          passesRefusals: false,
          isServedBy: hasOpenaiEndpoints,
          requestFor(target) {
            const { upstream, model } = target;
            const { baseUrl, apiVersion } = upstream.config;
            const url = upstream.provider.openaiEndpoint?.({ baseUrl, apiVersion, model, path: call.path });
            return url === undefined
              ? undefined
              : { url, method: "POST", ...withRules(body.withModel(model), target, { route, facts }) };
          },
        };
      }),
    forwardOpaque(asked) {
      const call = { ...asked, protocol: opaqueProtocol(asked, table) };
      return run(call, "opaque", () => opaqueCallOf(call, { table, health }));
    },
    keeperOfResponses: () => table.upstreams.find(({ provider }) => provider.keepsResponses === true)?.name,
    embed: (call) =>
      run(call, "embeddings", () =>
        embeddingCallOf(call, {
          resolve: (model, text) => resolve(call, { model, text }),
          maxDepth: maxJsonDepth,
          isStrict,
          showsAlias: responseModel === "alias",
        }),
      ),
    countTokens: (call) =>
      run(call, "count_tokens", async () => {
        await bringNamed(latin1Of(call.body), { protocol: call.protocol.id, bring: responses.bring });
        const request = readCountRequest(call, {
          maxDepth: maxJsonDepth,
          expanded: (body) => responses.expanded(body, call.keyId),
        });
        return countCallOf(call, request, resolve(call, { ...request, protocol: call.protocol }));
      }),
  };
}

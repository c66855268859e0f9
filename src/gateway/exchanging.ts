import type { Envelope } from "../protocols/protocol.ts";
import { createRequestFacts } from "../routing/request-facts.ts";
import type { RequestFacts } from "../routing/route.ts";
import type { Admission } from "./admission.ts";
import type { InferenceCall } from "./call.ts";
import { createCancellation } from "./cancellation.ts";
import type { Exchange } from "./exchange.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { Admitting } from "./admitting.ts";
import { admitNoKey } from "./key-admission.ts";
import { textLimitFor } from "./key-rules.ts";
import { demandOf } from "./place.ts";
import { steeringOf } from "./steering.ts";
import { totalMsOf } from "./total-ms.ts";
import { wholeRequest } from "./whole-request.ts";

/** Reads a request (latin1), finds its route and sets its money aside. Throws GatewayError for what cannot be let in. */
export type ExchangeOf = (call: InferenceCall, text: string, admission: Admission) => Exchange;

export function createExchanging(
  options: GatewayOptions,
  { toGatewayError }: Pick<Admitting, "toGatewayError">,
): ExchangeOf {
  const { routing, admitKey = admitNoKey } = options;
  const { responses } = options.translation;

  function factsOf({ headers, keyId, protocol, maySteer }: InferenceCall, envelope: Envelope): RequestFacts {
    const { text, stream, object } = envelope;
    return createRequestFacts({
      text,
      headers,
      keyId,
      stream,
      protocol: protocol.id,
      steering: maySteer ? steeringOf(headers) : undefined,
      whole: protocol.id === "openai-responses" ? () => wholeRequest({ text, keyId }, responses) : undefined,
      members: object,
    });
  }

  return (call, text, { recording, holds, charging }) => {
    const { protocol } = call;
    const envelope = protocol.peek(text, { maxDepth: options.maxJsonDepth }, call.path);
    const facts = factsOf(call, envelope);
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
  };
}

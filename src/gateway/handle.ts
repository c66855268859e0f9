import { latin1Of } from "../lib/latin1.ts";
import { type Admitting, createAdmitting } from "./admitting.ts";
import type { InferenceCall } from "./call.ts";
import { createExchanging } from "./exchanging.ts";
import { createForwarding, type Forwarding } from "./forwarding.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { bringNamed } from "./named-responses.ts";
import { createOpening } from "./opening.ts";
import { allowSilence, answerStream, wholeResponse } from "./respond.ts";
import type { StoredResponses } from "./stored-responses.ts";

export interface Gateway extends Forwarding, Pick<Admitting, "overload" | "load" | "active" | "stop"> {
  /** The path of a request. Never rejects: a failure is an answer in the client's own protocol. */
  handle(call: InferenceCall): Promise<Response>;
  readonly responses: StoredResponses;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { responses } = options.translation;
  const { bring } = responses;
  const admitting = createAdmitting(options);
  const { admit, refuse, toGatewayError, overload, load, active, stop } = admitting;
  const exchangeOf = createExchanging(options, admitting);
  const open = createOpening(options);

  return {
    ...createForwarding({ ...options, admit, refuse, toGatewayError }),
    responses,
    overload,
    load,
    active,
    stop,
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

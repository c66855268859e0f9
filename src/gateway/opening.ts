import type { Admission } from "./admission.ts";
import { attempt, type Opened } from "./attempt.ts";
import type { Exchange } from "./exchange.ts";
import { openWithFailover } from "./failover.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { laneOf } from "../routing/lane.ts";
import { droppedFields } from "./losses.ts";
import { bringNamed } from "./named-responses.ts";
import { takePlace } from "./place.ts";
import { endOf } from "./retry.ts";
import { createSharedAnswers } from "./shared-answer.ts";
import { tokensOf } from "./tokens-of.ts";
import type { Steps } from "./trying.ts";

/** To the first content of an answer, through the gateway's own limits. */
export type Open = (exchange: Exchange, admission: Admission) => Promise<Opened>;

export function createOpening({ scopes, translation, onDropped }: GatewayOptions): Open {
  const { bring } = translation.responses;

  function told({ call, recording }: Exchange, { losses }: Opened, upstream: string): void {
    if (losses.length === 0) return;
    recording.record.dropped = droppedFields(losses);
    onDropped({ client: call.protocol.id, upstream, count: losses.length });
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

  return open;
}

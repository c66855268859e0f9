import { bytesOfLatin1, latin1Of } from "../lib/latin1.ts";
import { besidesConversation, withParameters } from "../protocols/parameters/index.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { createRequestFacts } from "../routing/request-facts.ts";
import type { RequestFacts, Route, Stage } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { ClientCall } from "./call.ts";
import type { ForwardCall } from "./forward.ts";
import type { Resolved } from "./forwarding.ts";
import type { ModelBody } from "./model-field.ts";
import { withoutOwnModels } from "./own-models.ts";
import { steeringOf } from "./steering.ts";

type IsServedBy = (target: Target) => boolean;

/** Whose turn it is, is known of a stage: each is narrowed once. */
const narrowed = new WeakMap<IsServedBy, WeakMap<Stage, Stage>>();

/** The targets that have the endpoint; all of them when none has, so that one of them is named in the refusal. */
function ableStage(stage: Stage, isServedBy: IsServedBy): Stage {
  let known = narrowed.get(isServedBy);
  if (known === undefined) narrowed.set(isServedBy, (known = new WeakMap()));
  let able = known.get(stage);
  if (able === undefined) {
    const targets = stage.targets.filter(isServedBy);
    able = targets.length === 0 || targets.length === stage.targets.length ? stage : { ...stage, targets };
    known.set(stage, able);
  }
  return able;
}

export function ableRoute({ route, isServedBy }: ForwardCall): Route {
  if (isServedBy === undefined) return route;
  return {
    ...route,
    first: ableStage(route.first, isServedBy),
    fallbacks: (reason) => route.fallbacks(reason).map((stage) => ableStage(stage, isServedBy)),
  };
}

const noStages: readonly Stage[] = [];

/** To one provider and nowhere else. */
export function directRoute(target: Target): Route {
  const first: Stage = {
    model: target.model,
    targets: [target],
    strategy: "priority",
    affinity: "off",
    hedgeAfterMs: 0,
    singleFlight: false,
    scope: undefined,
  };
  return {
    modelShown: "",
    first,
    routedBy: undefined,
    keepsModels: true,
    keptModels: noStages,
    fallbacks: () => noStages,
  };
}

/** A JSON body with what the configuration changes about requests that are no conversations. */
export function withRules(
  sent: ReturnType<ModelBody["withModel"]>,
  { parameters }: Target,
  listed: Resolved,
): typeof sent {
  if (sent.contentType !== "application/json") return sent;
  const rules = parameters && besidesConversation(parameters);
  if (rules === undefined && listed.facts.models().length === 0) return sent;
  const own = withoutOwnModels(latin1Of(sent.body), "openai-chat", listed);
  return { ...sent, body: bytesOfLatin1(rules === undefined ? own : withParameters(own, "openai-chat", rules)) };
}

interface Read {
  /** The body (latin1) where it is JSON, else empty. */
  text: string;
  /** Of a body that is no JSON. */
  promptTokens?: number | undefined;
  /** Of a conversation: what is none belongs to no prompt cache. */
  protocol?: Protocol | undefined;
}

/** What the choice of a target looks at. */
export function factsOf(call: ClientCall, { text, promptTokens, protocol }: Read): RequestFacts {
  const { headers, keyId, maySteer } = call;
  const steering = maySteer ? steeringOf(headers) : undefined;
  return createRequestFacts({ text, headers, keyId, stream: false, protocol: protocol?.id, steering, promptTokens });
}

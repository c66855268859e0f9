import { GatewayError, invalidRequest } from "../errors.ts";
import { applyEdits, setMember, type JsonEdit } from "../lib/json-edit.ts";
import { scanMembers, type ScannedObject } from "../lib/json-scan.ts";
import { bytesOfLatin1, latin1Of, latin1OfUtf8 } from "../lib/latin1.ts";
import { estimateTokens } from "../protocols/canonical/count-tokens.ts";
import { fieldsOf, isFields, type Fields } from "../protocols/fields.ts";
import { type Envelope, newObservation, type ProtocolId } from "../protocols/protocol.ts";
import { memberOf, parseRequest, readModel, scanRequest } from "../protocols/request-scan.ts";
import type { Target } from "../routing/target.ts";
import type { InferenceCall } from "./call.ts";
import type { ForwardCall, Forwarded, ForwardRequest } from "./forward.ts";
import { directRoute } from "./forward-route.ts";
import type { Resolved } from "./forwarding.ts";
import { laneOf } from "../routing/lane.ts";

/** Says on an answer that its number is a guess. */
export const estimatedHeader = "x-orcestator-estimated";

/** A request whose tokens shall be counted. */
export interface CountRequest {
  model: string | undefined;
  /** The body (latin1). */
  text: string;
  /** Where the upstream counts itself; `undefined` when it does not. */
  requestFor(target: Target): ForwardRequest | undefined;
  /** The gateway's own guess, in the client's words. */
  estimate(): Promise<object>;
}

const views: Partial<Record<ProtocolId, (tokens: number) => object>> = {
  "anthropic-messages": (tokens) => ({ input_tokens: tokens }),
  "openai-responses": (tokens) => ({ object: "response.input_tokens", input_tokens: tokens }),
  "gemini-generate": (tokens) => ({ totalTokens: tokens }),
};

/** The request that is counted: Gemini may wrap it, Anthropic's has no `max_tokens`, Responses' may have no input. */
function countedBody(protocol: ProtocolId, body: Fields): Fields {
  if (protocol === "anthropic-messages") return { max_tokens: 1, ...body };
  if (protocol === "openai-responses") return { input: [], ...body };
  const wrapped = body["generateContentRequest"] ?? body["generate_content_request"];
  return isFields(wrapped) ? wrapped : body;
}

/** What is not there to be counted is no fault here. */
function envelopeOf({ protocol, path }: InferenceCall, text: string, maxDepth: number): Envelope | undefined {
  try {
    return protocol.peek(text, { maxDepth }, path);
  } catch {
    return undefined;
  }
}

/** The model inside of a whole request that Gemini's clients may send, which Google compares with the one in the URL. */
function innerModelEdits(text: string, object: ScannedObject, model: string): JsonEdit[] {
  const inner = memberOf(object, "generateContentRequest") ?? memberOf(object, "generate_content_request");
  if (inner === undefined || text[inner.start] !== "{") return [];
  const request = scanMembers(text, inner.start, Number.MAX_SAFE_INTEGER);
  if (memberOf(request, "model") === undefined) return [];
  return setMember(request, "model", latin1OfUtf8(JSON.stringify(`models/${model.replace(/^models\//, "")}`)));
}

interface CountOptions {
  maxDepth: number;
  /** A Responses request with what it only names. */
  expanded: (body: Fields) => Fields;
}

/** Reads a request for counting. Throws GatewayError (400) where its body cannot be read. */
export function readCountRequest(call: InferenceCall, { maxDepth, expanded }: CountOptions): CountRequest {
  const { protocol, body, path = {} } = call;
  const text = latin1Of(body);
  const object = scanRequest(text, maxDepth, "model");
  const envelope = envelopeOf(call, text, maxDepth);
  const view = views[protocol.id];
  if (view === undefined)
    throw new GatewayError({ code: "not_found", status: 404, message: "Tokens are not counted here." });
  const model = path.model ?? readModel(text, memberOf(object, "model"));

  return {
    model,
    text,
    requestFor({ upstream, model: upstreamModel }) {
      if (laneOf(protocol.id, upstream.config.protocols)?.kind !== "same") return undefined;
      const { baseUrl } = upstream.config;
      const url = upstream.provider.countTokens?.[protocol.id]?.({ baseUrl, model: upstreamModel });
      if (url === undefined) return undefined;
      const named =
        path.model === undefined ? setMember(object, "model", latin1OfUtf8(JSON.stringify(upstreamModel))) : [];
      const own = envelope?.edits({ model: upstreamModel, injectUsage: false, origin: upstream.name }) ?? named;
      const edits = [...own, ...innerModelEdits(text, object, upstreamModel)];
      return { url, method: "POST", body: bytesOfLatin1(applyEdits(text, edits)), contentType: "application/json" };
    },
    async estimate() {
      const counted = countedBody(protocol.id, parseRequest(text));
      if (Object.keys(fieldsOf(counted)).length === 0) throw invalidRequest("The request has nothing to count.");
      const whole = protocol.id === "openai-responses" ? expanded(counted) : counted;
      return view(await estimateTokens(protocol.codec.request.decode(whole, path)));
    },
  };
}

async function estimated(request: CountRequest): Promise<Forwarded> {
  return {
    status: 200,
    headers: { "content-type": "application/json", [estimatedHeader]: "true" },
    body: Buffer.from(JSON.stringify(await request.estimate())),
    observation: newObservation(),
    losses: [],
  };
}

/** A count by the first of the model's targets, where that one counts, and else the gateway's own. */
export function countCallOf(call: InferenceCall, request: CountRequest, { route, facts }: Resolved): ForwardCall {
  const [target] = route.first.targets;
  return {
    ...call,
    operation: "count_tokens",
    wire: call.protocol.id,
    modelAsked: request.model ?? route.modelShown,
    route: target === undefined ? route : directRoute(target),
    facts,
    passesRefusals: false,
    requestFor: (at) => request.requestFor(at),
    standIn: {
      isAlone: target === undefined || request.requestFor(target) === undefined,
      answer: () => estimated(request),
    },
  };
}

import { latin1Of } from "../lib/latin1.ts";
import { protocols } from "../protocols/registry.ts";
import { isLiteral } from "../protocols/request-scan.ts";
import { memberIn, scanBody, valueOf } from "../routing/body-scan.ts";
import type { HealthRegistry } from "../routing/health/health.ts";
import type { RouteTable } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Upstream } from "../routing/upstream.ts";
import type { ForwardCall } from "./forward.ts";
import { directRoute, factsOf } from "./forward-route.ts";
import type { OpaqueForwardCall } from "./forwarding.ts";
import { isModelEndpoint } from "./model-endpoint.ts";
import { opaqueUrl, unknownProvider } from "./opaque-url.ts";

/** What can be known before of what a request will use at an endpoint that nobody modelled. */
interface OpaqueDemand {
  /** The upstream's name of the model; empty = nobody can tell which one it is, or how much will be asked of it. */
  model: string;
  /** The body (latin1) where it is JSON. */
  text: string;
}

const nothingKnown: OpaqueDemand = { model: "", text: "" };

/** Requests in a file, or ones that go on by themselves: their answer is not what they cost. */
const severalRequests = /batch|\/threads|\/assistants|fine[-_]?tun/i;
/** What the provider itself keeps is read again, and paid for again. */
const keptThere = /^(?:previous_response_id|conversation)$/i;
const longestName = 500;
/** Gemini's, Azure's, Bedrock's. */
const modelInPath = /\/(?:models?|deployments|engines)\/([^/]+)/;

function pathModel(path: string): string | undefined {
  const segment = modelInPath.exec(path)?.[1];
  if (segment === undefined) return undefined;
  try {
    return decodeURIComponent(segment).replace(/:[A-Za-z]+$/, "");
  } catch {
    return "";
  }
}

function demandOf(path: string, bytes: Uint8Array): OpaqueDemand {
  const text = latin1Of(bytes);
  const body = scanBody(text);
  if (body.members.length === 0) return nothingKnown;
  const inPath = pathModel(path);
  const inBody = valueOf(text, memberIn(body, "model"));
  const model = inPath ?? (typeof inBody === "string" ? inBody : "");
  // Who names two may get the dearer one: some parsers take the first of two members, and Go's take `Model` for `model`.
  const names = body.members.filter(({ key }) => /^models?$/i.test(key)).length + (inPath === undefined ? 0 : 1);
  const namesKept = body.members.some((member) => keptThere.test(member.key) && !isLiteral(text, member, "null"));
  const isMore = severalRequests.test(path) || namesKept;
  return { model: names === 1 && !isMore && model.length <= longestName ? model : "", text };
}

const freeMethods: readonly string[] = ["GET", "HEAD"];

export interface OpaqueCallOptions {
  table: Pick<RouteTable, "upstreams">;
  health: Pick<HealthRegistry, "targetOf">;
}

/** Whose API is spoken below /p/: who speaks to a provider directly speaks its protocol. */
export function opaqueProtocol(asked: OpaqueForwardCall, { upstreams }: OpaqueCallOptions["table"]) {
  const [native] = upstreams.find(({ name }) => name === asked.provider)?.config.protocols ?? [];
  return native === undefined ? asked.protocol : protocols[native];
}

function targetAt({ upstream, model }: { upstream: Upstream; model: string }, { health }: OpaqueCallOptions): Target {
  const { name, config } = upstream;
  return {
    upstream,
    model,
    weight: 1,
    priority: 1,
    price: undefined,
    parameters: undefined,
    health: health.targetOf(name, config.baseUrl, ""),
  };
}

/** A request for one provider as it is. Throws GatewayError: 400 for a path that leads out of its API, 404 where there is no such provider. */
export function opaqueCallOf(call: OpaqueForwardCall, options: OpaqueCallOptions): ForwardCall {
  const upstream = options.table.upstreams.find(({ name }) => name === call.provider);
  if (upstream === undefined || upstream.provider.respond !== undefined)
    throw unknownProvider(call.provider, options.table);
  const url = opaqueUrl(upstream.config.baseUrl, call.path, call.query);
  const isFree = freeMethods.includes(call.method);
  // Only of those who hold a virtual key anybody asks what their requests may cost.
  const isCharged = call.grant !== undefined && !isFree && call.isFollowUp !== true;
  const { model, text } = isCharged ? demandOf(url.pathname, call.body) : nothingKnown;
  const isModelCall = call.method === "POST" && model !== "" && isModelEndpoint(url, { upstream, model });
  return {
    ...call,
    operation: "opaque",
    wire: "opaque",
    modelAsked: "",
    route: directRoute(targetAt({ upstream, model: "" }, options)),
    facts: factsOf(call, { text }),
    ...(isCharged && { chargedAs: targetAt({ upstream, model }, options) }),
    isModelCall,
    passesRefusals: true,
    // What is only asked for again was counted when it was made.
    isUnmetered: isFree,
    requestFor: () => ({
      url,
      method: call.method,
      body: call.body.length > 0 || call.method !== "GET" ? call.body : undefined,
      contentType: call.headers.get("content-type") ?? undefined,
    }),
  };
}

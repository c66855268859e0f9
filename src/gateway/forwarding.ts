import { latin1Of } from "../lib/latin1.ts";
import type { EmbeddingDialect } from "../protocols/embeddings/embedding.ts";
import { imageTokens, roughTokens, uploadedAudioTokens } from "../protocols/canonical/rough-tokens.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { RequestFacts, Route } from "../routing/route.ts";
import type { Target } from "../routing/target.ts";
import type { Operation } from "../telemetry/request-record.ts";
import type { ClientCall, InferenceCall } from "./call.ts";
import { countCallOf, readCountRequest } from "./count-tokens.ts";
import { embeddingCallOf } from "./embedding-call.ts";
import { createForwardPath, type ForwardPathOptions } from "./forward-path.ts";
import { factsOf, withRules } from "./forward-route.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { type FormSize, readModelBody } from "./model-field.ts";
import { bringNamed } from "./named-responses.ts";
import { opaqueCallOf, opaqueProtocol } from "./opaque-call.ts";

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
  /** Of a body that is no JSON. */
  promptTokens?: number | undefined;
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

interface ForwardingOptions
  extends
    ForwardPathOptions,
    Pick<GatewayOptions, "table" | "health" | "maxJsonDepth" | "responseModel" | "translation"> {}

/** Files that are sent along are sounds to write down, or pictures to change. */
function formTokens({ files, fileBytes, otherBytes }: FormSize, operation: Operation): number {
  return roughTokens(otherBytes) + (operation === "audio" ? uploadedAudioTokens(fileBytes) : files * imageTokens);
}

const hasOpenaiEndpoints = ({ upstream }: Target): boolean => upstream.provider.openaiEndpoint !== undefined;

export function createForwarding(options: ForwardingOptions): Forwarding {
  const { table, health, maxJsonDepth, responseModel } = options;
  const { isStrict, responses } = options.translation;
  const run = createForwardPath(options);

  function resolve(call: ClientCall, asked: Asked): Resolved {
    const facts = factsOf(call, asked);
    return { facts, route: table.resolve(asked.model, facts) };
  }

  return {
    forwardOpenai: (call) =>
      run(call, call.operation, () => {
        const body = readModelBody(call.body, call.headers.get("content-type"), maxJsonDepth);
        const { model, text, form } = body;
        const { route, facts } = resolve(call, { model, text, promptTokens: form && formTokens(form, call.operation) });
        return {
          ...call,
          modelAsked: model ?? route.modelShown,
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

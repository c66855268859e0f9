import { applyEdits, setMember } from "../lib/json-edit.ts";
import { bytesOfLatin1, latin1Of, latin1OfUtf8 } from "../lib/latin1.ts";
import { usageOfAnswer } from "../protocols/any-usage.ts";
import { parseAnswer } from "../protocols/answer-edit.ts";
import type { EmbeddingAnswer, EmbeddingDialect, EmbeddingRequest } from "../protocols/embeddings/embedding.ts";
import { embeddingCodecs } from "../protocols/embeddings/index.ts";
import { besidesConversation, withParameters } from "../protocols/parameters/index.ts";
import { modelEditsAt } from "../protocols/event-editor.ts";
import { newObservation, type Observation, type ProtocolId } from "../protocols/protocol.ts";
import { memberOf, parseRequest, readModel, scanRequest } from "../protocols/request-scan.ts";
import type { Target } from "../routing/target.ts";
import type { ForwardCall } from "./forward.ts";
import type { EmbedCall, Resolved } from "./forwarding.ts";
import { isStrict, refuseLosses } from "./losses.ts";
import { withoutOwnModels } from "./own-models.ts";

/** Whose words a dialect of embeddings uses. */
const protocolOf: Readonly<Record<EmbeddingDialect, ProtocolId>> = {
  "openai-embeddings": "openai-chat",
  "ollama-embed": "ollama-chat",
  "gemini-embed": "gemini-generate",
};

/** A request's body (latin1) with what the configuration changes about requests that are no conversations. */
function withRules(body: string, { upstream, parameters }: Target): string {
  const dialect = upstream.provider.embeddings?.dialect;
  const rules = parameters && besidesConversation(parameters);
  return rules === undefined || dialect === undefined ? body : withParameters(body, protocolOf[dialect], rules);
}

interface EmbeddingCallOptions {
  resolve: (model: string | undefined, text: string) => Resolved;
  maxDepth: number;
  isStrict: boolean;
  /** `model` in answers is the client's name for it, not the upstream's. */
  showsAlias: boolean;
}

function jsonBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return bytesOfLatin1(latin1OfUtf8(JSON.stringify(value)));
}

function seen({ usage, model }: Pick<EmbeddingAnswer, "usage" | "model">): Observation {
  return { ...newObservation(), usage, model };
}

/** Ollama's older endpoint and Gemini's two differ in form: only these pass byte for byte. */
const sameForm: readonly string[] = ["openai-embeddings /v1/embeddings", "ollama-embed /api/embed"];

const hasEmbeddings = ({ upstream }: Target): boolean => upstream.provider.embeddings !== undefined;

/** A request for vectors: its bytes pass where the provider has the client's dialect, else it is translated. */
export function embeddingCallOf(
  call: EmbedCall,
  { resolve, maxDepth, isStrict: byDefault, showsAlias }: EmbeddingCallOptions,
): ForwardCall {
  const { dialect } = call;
  const text = latin1Of(call.body);
  const object = scanRequest(text, maxDepth, "input");
  const model = call.model ?? readModel(text, memberOf(object, "model"));
  const { route, facts } = resolve(model, text);
  let decoded: EmbeddingRequest | undefined;
  const request = (): EmbeddingRequest =>
    (decoded ??= embeddingCodecs[dialect].request.decode(parseRequest(text), { model }));
  const passes = ({ upstream }: Target): boolean =>
    upstream.provider.embeddings?.dialect === dialect && sameForm.includes(`${dialect} ${call.pathname}`);

  /** The upstream's answer with the name the client may use again. */
  const renamed = (body: Uint8Array): Uint8Array<ArrayBuffer> => {
    if (!showsAlias) return new Uint8Array(body);
    const source = latin1Of(body);
    const shown = latin1OfUtf8(JSON.stringify(route.modelShown));
    return bytesOfLatin1(applyEdits(source, modelEditsAt(source, [["model"]], shown)));
  };

  return {
    ...call,
    operation: "embeddings",
    wire: dialect,
    modelAsked: model ?? route.modelShown,
    route,
    facts,
    passesRefusals: false,
    isServedBy: hasEmbeddings,
    requestFor(target) {
      const { upstream, model: upstreamModel } = target;
      const endpoint = upstream.provider.embeddings;
      if (endpoint === undefined) return undefined;
      const { baseUrl, apiVersion } = upstream.config;
      const post = {
        url: endpoint.url({ baseUrl, apiVersion, model: upstreamModel }),
        method: "POST",
        contentType: "application/json",
      };
      if (passes(target)) {
        const edits = setMember(object, "model", latin1OfUtf8(JSON.stringify(upstreamModel)));
        const own = withoutOwnModels(applyEdits(text, edits), protocolOf[dialect], { route, facts });
        return { ...post, body: bytesOfLatin1(withRules(own, target)) };
      }
      const { body, losses } = embeddingCodecs[endpoint.dialect].request.encode(request(), { model: upstreamModel });
      if (isStrict(call.headers, byDefault)) refuseLosses(losses, `${upstream.name} (${endpoint.dialect})`);
      return { ...post, body: bytesOfLatin1(withRules(latin1OfUtf8(JSON.stringify(body)), target)), losses };
    },
    readAnswer(target, body) {
      const answer = parseAnswer(latin1Of(body));
      if (passes(target)) return { body: renamed(body), observation: seen(usageOfAnswer(answer)) };
      const upstreamDialect = target.upstream.provider.embeddings?.dialect ?? dialect;
      const vectors = embeddingCodecs[upstreamDialect].answer.decode(answer, request());
      const shown = embeddingCodecs[dialect].answer.encode(vectors, { model: route.modelShown, request: request() });
      return { body: jsonBytes(shown), observation: seen(vectors) };
    },
  };
}

import type { EmbeddingDialect } from "../../protocols/embeddings/embedding.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Refusals } from "../refusals.ts";
import type { RouteParts } from "../route-parts.ts";
import { readClientCall } from "./client-call.ts";
import { protocolRoute } from "./protocol-route.ts";

interface EmbeddingsRoute {
  dialect: EmbeddingDialect;
  /** Whose errors they are. */
  protocol: Protocol;
  parts: RouteParts;
  refusals: Refusals;
  /** Where the URL names the model. */
  modelOf?: (request: Request) => string;
}

/** Vectors for texts, in the words of a protocol, from any provider that makes them. */
export function embeddingsRoute({ dialect, protocol, parts, refusals, modelOf }: EmbeddingsRoute) {
  return protocolRoute({
    protocol,
    refusals,
    async answer(request) {
      const call = await readClientCall(request, parts);
      const { pathname } = new URL(request.url);
      return parts.gateway.embed({ ...call, protocol, dialect, pathname, model: modelOf?.(request) });
    },
  });
}

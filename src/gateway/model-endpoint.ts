import type { Target } from "../routing/target.ts";

/** Whether a URL is where the gateway itself asks this model of this provider, for an answer or for embeddings. */
export function isModelEndpoint({ pathname }: URL, { upstream, model }: Pick<Target, "upstream" | "model">): boolean {
  const { provider, config } = upstream;
  const { baseUrl, apiVersion, protocols } = config;
  // A name of no model: it cannot be written in a path.
  if (!model.isWellFormed()) return false;
  const places = protocols.flatMap((protocol) =>
    [false, true].map((stream) => provider.endpoint({ baseUrl, apiVersion, protocol, model, stream })),
  );
  const embeddings = provider.embeddings?.url({ baseUrl, apiVersion, model });
  return [...places, ...(embeddings === undefined ? [] : [embeddings])].some((place) => place.pathname === pathname);
}

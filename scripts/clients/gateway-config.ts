import { upstreams } from "../../test/matrix/rig.ts";

/** A gateway's settings with a model `via-UPSTREAM` for each upstream, also with each prefix. JSON is YAML too. */
export function gatewayConfig(
  origin: string,
  {
    prefixes = [""],
    isWanted = () => true,
  }: { prefixes?: readonly string[]; isWanted?: (model: string) => boolean } = {},
): string {
  const providers = upstreams.map(({ id, provider }) => [
    id,
    { ...provider(origin), credentials: ["k"], retries: 0, listModels: false },
  ]);
  const models = upstreams
    .flatMap(({ id }) => prefixes.map((prefix) => [`${prefix}via-${id}`, id] as const))
    .filter(([name]) => isWanted(name))
    .map(([name, id]) => [name, { targets: [{ provider: id, model: "the-model" }] }] as const);
  return JSON.stringify({
    providers: Object.fromEntries(providers) as unknown,
    models: Object.fromEntries(models),
    logging: { file: "" },
  });
}

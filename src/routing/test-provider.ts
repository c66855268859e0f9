import type { ResolvedConfig } from "../config/resolve.ts";
import { errorText } from "../lib/error-text.ts";
import { createCatalog } from "./catalog.ts";
import { createHealthRegistry } from "./health/registry.ts";
import { createUpstream } from "./upstream.ts";

export interface TestedProvider {
  readonly latencyMs: number;
  /** What it lists; `undefined` = it did not answer with a list. */
  readonly models: readonly string[] | undefined;
  readonly problem: string | undefined;
}

/** Asks a configured provider for its list of models, with what is configured for it and nothing else. */
export async function testProvider(
  config: ResolvedConfig,
  name: string,
  now: () => number = () => performance.now(),
): Promise<TestedProvider | undefined> {
  const provider = config.providers[name];
  if (provider === undefined) return undefined;
  const health = createHealthRegistry({ settings: config });
  const upstream = createUpstream(name, { ...provider, enabled: true, listModels: true }, health);
  if (upstream.provider.models === undefined) return { latencyMs: 0, models: [], problem: undefined };
  let problem: string | undefined;
  const catalog = createCatalog({ upstreams: [upstream], onProblem: (_name, error) => (problem = errorText(error)) });
  const startedAt = now();
  await catalog.refresh();
  const latencyMs = Math.round(now() - startedAt);
  if (problem !== undefined) return { latencyMs, models: undefined, problem };
  return { latencyMs, models: catalog.models().map(({ facts }) => facts.id), problem };
}

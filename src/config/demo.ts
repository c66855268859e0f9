import { resolveConfig, type ResolvedConfig } from "./resolve.ts";
import { configSchema } from "./schema.ts";

/** The upstream model of the demo provider. */
const demoModel = "dummy";

function demoName(config: ResolvedConfig): string {
  const taken = config.providers["demo"];
  return taken === undefined || taken.type === "dummy" ? "demo" : "orcestator-demo";
}

/** True when some provider could be called with a key of its own. */
export function hasCredential(config: ResolvedConfig): boolean {
  return Object.values(config.providers).some(({ credentials }) => credentials.length > 0);
}

/**
 * The configuration with the providers named in `lacking` replaced by one dummy provider, which answers by itself.
 * Models keep their names; targets on a replaced provider go to the dummy.
 */
export function withDemoProvider(config: ResolvedConfig, lacking: ReadonlySet<string>): ResolvedConfig {
  const name = demoName(config);
  const kept = Object.entries(config.providers).filter(([key]) => !lacking.has(key));
  const names = new Set(kept.map(([key]) => key));
  const demoTarget = { provider: name, model: demoModel };
  const models = Object.entries(config.models).map(([key, model]) => {
    const targets = model.targets.map((target) => (names.has(target.provider) ? target : { ...target, ...demoTarget }));
    return [key, { ...model, targets }] as const;
  });
  const added = configSchema.parse({
    providers: { [name]: { type: "dummy", acceptsAnyModel: true } },
    models: { orcestator: { targets: [demoTarget] } },
  });
  return resolveConfig({
    ...config,
    providers: { ...Object.fromEntries(kept), ...added.providers },
    models: { ...added.models, ...Object.fromEntries(models) },
  });
}

import { renderYaml } from "../../../src/config/import/render-yaml.ts";
import type { Converted } from "../../../src/config/import/findings.ts";
import { ConfigError, type LoadedConfig } from "../../../src/config/load.ts";
import { substitute } from "../../../src/config/substitute.ts";
import { readEnvironment } from "../../../src/config/environment.ts";
import type { ResolvedConfig } from "../../../src/config/resolve.ts";
import { createHealthRegistry } from "../../../src/routing/health/registry.ts";
import { createRouteTable } from "../../../src/routing/route-table.ts";
import { facts } from "../../routing/rig.ts";
import { configFolder } from "../folder.ts";

/** Every variable that the tree names, with a value that may be a key, a URL or a number of characters. */
function variables(tree: Record<string, unknown>): Record<string, string> {
  const { named } = substitute(tree, readEnvironment("/nonexistent", {}));
  return Object.fromEntries(
    [...named].map((name) => [name, /BASE|URL/.test(name) ? "http://10.0.0.1" : `key-of-${name}`]),
  );
}

/** The conversion as the gateway loads it from the file that `import` writes, with every variable set. */
export function loaded({ tree, notes }: Converted): LoadedConfig {
  using folder = configFolder({ "orcestator.yaml": renderYaml(tree, { title: "test", notes }) });
  return folder.load({ env: variables(tree), needsFiles: true });
}

/** `provider/model` of the targets that serve a request, in the order they are written, lowest priority first. */
export function targetsOf(config: ResolvedConfig, model: string, headers: Record<string, string> = {}): string[] {
  const health = createHealthRegistry({ settings: config });
  const { first } = createRouteTable({ config, health }).resolve(model, facts({ headers }));
  const places = first.targets.map((target) => ({ target, priority: target.priority }));
  places.sort((left, right) => left.priority - right.priority);
  return places.map(({ target }) => `${target.upstream.name}/${target.model}`);
}

/** What a task must end in when it refuses its input: all problems in one text. */
export function refusal(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

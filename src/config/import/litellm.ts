import type { Origin } from "../config-error.ts";
import { compact, noteRest } from "./fields.ts";
import { createFindings, type Converted } from "./findings.ts";
import { readDeployment, type Deployment } from "./litellm-deployment.ts";
import { addAliases, addFallbacks, createModelSet, modelOf, modelTrees, strategyOf } from "./litellm-models.ts";
import { buildProviders } from "./litellm-providers.ts";
import { convertSettings, noteVariables, readCommon, readConcurrency, type Sections } from "./litellm-settings.ts";
import { createRoot, isAllowedName, literal, requireObject, type Part } from "./part.ts";

export interface LitellmContext {
  readonly origin: Origin;
}

/** `os.environ/NAME` is `${NAME}` here; everything else is meant literally. */
function textOf(text: string): string {
  const name = /^os\.environ\/([A-Za-z_]\w*)$/.exec(text.trim())?.[1];
  return name === undefined ? literal(text) : `\${${name}}`;
}

function credentialsIn(root: Part): Map<string, Part> {
  const found = new Map<string, Part>();
  for (const item of root.get("credential_list").items()) {
    const name = item.get("credential_name").text();
    if (name === undefined) item.refuse("must have a credential_name");
    else found.set(name, item.get("credential_values"));
  }
  return found;
}

function readDeployments(root: Part, sections: Sections): Deployment[] {
  const list = root.get("model_list");
  const context = { common: readCommon(sections), credentials: credentialsIn(root) };
  return list.items().flatMap((part) => {
    if (typeof part.value === "object" && !Array.isArray(part.value)) return readDeployment(part, context) ?? [];
    part.refuse("must be an object with model_name and litellm_params");
    return [];
  });
}

/** A LiteLLM `config.yaml` as its parser reads it. Throws ConfigError. */
export function convertLitellm(source: unknown, { origin }: LitellmContext): Converted {
  const findings = createFindings();
  const root = createRoot({ value: source, origin, path: [], label: "", findings }, textOf);
  const sections = {
    router: root.get("router_settings"),
    library: root.get("litellm_settings"),
    general: root.get("general_settings"),
  };
  for (const part of [root, ...Object.values(sections)]) requireObject(part);
  const deployments = readDeployments(root, sections);
  const concurrency = readConcurrency(sections);
  const { providers, nameOf } = buildProviders(deployments, concurrency);
  const strategy = strategyOf(sections.router.get("routing_strategy"));
  const groups = Map.groupBy(deployments, ({ group }) => group);
  const models = new Map([...groups].map(([name, group]) => [name, modelOf(group, { strategy, nameOf })]));
  const set = createModelSet(models, (id) => {
    const deployment = isAllowedName(id) ? deployments.find((candidate) => candidate.id === id) : undefined;
    return deployment === undefined ? undefined : modelOf([deployment], { strategy, nameOf });
  });
  const aliases = addAliases(set, sections.router.get("model_group_alias"));
  addFallbacks(set, { ...sections, aliases });
  const { server, ...rest } = convertSettings(sections);
  noteVariables(root.get("environment_variables"));
  noteRest(root);
  findings.settle();
  return { tree: compact({ server, providers, models: modelTrees(set), ...rest }), notes: findings.notes() };
}

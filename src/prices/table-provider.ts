import { factsOf, type ProviderType } from "../config/provider-types.ts";
import type { TableSource } from "./table-data.ts";

/** What the price table calls the service of each type; `undefined` = it does not know it, or there is no one service. */
const tableNames = {
  openrouter: "openrouter",
  openai: "openai",
  anthropic: "anthropic",
  gemini: "google",
  azure: "azure",
  groq: "groq",
  deepseek: "deepseek",
  mistral: "mistral",
  xai: "x-ai",
  together: "together",
  fireworks: "fireworks",
  cerebras: "cerebras",
  moonshot: "moonshotai",
  qwen: undefined,
  ollama: undefined,
  lmstudio: undefined,
  vllm: undefined,
  llamacpp: undefined,
  litellm: undefined,
  "openai-compatible": undefined,
  dummy: undefined,
} as const satisfies Readonly<Record<ProviderType, string | undefined>>;

/** Those of our types that the table must know, whatever else it loses. */
export const knownTableNames: readonly string[] = Object.values(tableNames).filter((name) => name !== undefined);

export interface PricedService {
  readonly type: ProviderType;
  readonly baseUrl: string;
}

/** The one address of a type's service, or (Azure) no address that could be another's. */
function isItsOwn({ type, baseUrl }: PricedService): boolean {
  const { baseUrl: own } = factsOf(type);
  return own === undefined ? type === "azure" : own === baseUrl;
}

/**
 * Whose prices a provider charges, by the table's names. Behind an address that is not the type's own may be anything
 * that speaks like it, so that only the address counts then.
 */
export function tableNameOf(service: PricedService, source: () => TableSource): string | undefined {
  const name = tableNames[service.type];
  if (name !== undefined && isItsOwn(service)) return name;
  // The table knows public services only; a gateway in front of local models never needs to read it.
  return service.baseUrl.startsWith("https://") ? source().providerAt(service.baseUrl)?.id : undefined;
}

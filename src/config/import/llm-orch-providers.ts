import { factsOf, providerTypeNames, type ProviderType } from "../provider-types.ts";
import { compact, count, noteRest, type Amount } from "./fields.ts";
import { literal, type Part } from "./part.ts";
import { hostKind, isBaseUrl, kindWithBase, openaiKind, type ProviderKind } from "./provider-kind.ts";

export interface OrchProvider {
  readonly name: string;
  /** `undefined`: the model that a request names. */
  readonly model: string | undefined;
  /** Its entry under `providers`; names that `models` declares are not offered a second time. */
  tree(declaredModels: readonly string[]): Record<string, unknown>;
}

export interface OrchProviderContext {
  /** Name under `providers`. */
  readonly name: string;
  readonly isSet: (variable: string) => boolean;
  /** Fields that llm-orch adds to requests without them. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** llm-orch adds the version to a path that ends without one, and never to a bare host but OpenAI's own. */
function withVersion(baseUrl: string): string {
  const url = baseUrl
    .trim()
    .replace(/\/+$/, "")
    .replace(/\/chat(?:\/completions)?$/, "");
  const segments = (URL.parse(url)?.pathname ?? "/").split("/").filter((segment) => segment !== "");
  const last = segments.at(-1) ?? "";
  const hasOpenaiWithin = segments.slice(0, -1).includes("openai");
  return last === "" || /^v\d/.test(last) || hasOpenaiWithin ? url : `${url}/v1`;
}

function kindOf(part: Part): ProviderKind {
  const type = (part.get("type").text() ?? "openai").trim();
  const base = part.get("base_url");
  const baseUrl = base.text()?.trim() ?? "";
  if (baseUrl !== "" && !isBaseUrl(baseUrl)) {
    base.refuse("must be an http:// or https:// URL without user and password");
  }
  if (type === "openai") return openaiKind(baseUrl === "" ? undefined : withVersion(baseUrl));
  if (type === "anthropic" || type === "gemini" || type === "ollama") return hostKind(type, baseUrl);
  if (providerTypeNames.includes(type as ProviderType)) return kindWithBase(type as ProviderType, baseUrl);
  part.get("type").refuse("must be openai, anthropic, ollama or dummy");
  return { type: "dummy" };
}

interface Access {
  readonly credentials: readonly string[];
  readonly isOff: boolean;
}

/** llm-orch needs a key only when it uses it: a provider without one is switched off instead of ending the start. */
function readAccess(part: Part, { type }: ProviderKind, isSet: OrchProviderContext["isSet"]): Access {
  const auth = part.get("auth_env");
  const variable = auth.text()?.trim() ?? "";
  const { needsCredential } = factsOf(type);
  if (variable !== "" && !/^[A-Za-z_]\w*$/.test(variable)) auth.refuse("must be the name of an environment variable");
  if (type === "dummy") return { credentials: [], isOff: false };
  if (variable === "") {
    if (needsCredential)
      part.note("has no auth_env, and this service needs a key: it is switched off (enabled: false)");
    return { credentials: [], isOff: needsCredential };
  }
  const credentials = [`\${${variable}}`];
  if (isSet(variable)) return { credentials, isOff: false };
  if (!needsCredential) {
    auth.note(`${variable} is not set; requests go out without a key`);
    return { credentials: [], isOff: false };
  }
  auth.note(`${variable} is not set; the provider is switched off until it is`);
  return { credentials, isOff: true };
}

interface Limits {
  readonly rpm: Amount | undefined;
  readonly tpm: Amount | undefined;
  readonly concurrency: Amount | undefined;
}

function readLimits(part: Part): Limits {
  const [rpm, concurrency] = [part.get("rpm"), part.get("concurrency")];
  const places = concurrency.number();
  if (places !== undefined && places < 1) concurrency.refuse("must be 1 or more");
  return {
    rpm: rpm.isWritten ? count(rpm) : 60,
    tpm: count(part.get("tpm")),
    concurrency: places === undefined ? 4 : count(concurrency),
  };
}

/** One table of providers.toml. */
export function convertOrchProvider(part: Part, { name, isSet, parameters }: OrchProviderContext): OrchProvider {
  if (part.isWritten && (typeof part.value !== "object" || Array.isArray(part.value))) {
    part.refuse("must be a table with type, base_url, model and auth_env");
  }
  const kind = kindOf(part);
  const access = readAccess(part, kind, isSet);
  const limits = readLimits(part);
  const written = part.get("model").text()?.trim() ?? "";
  if (written.includes("*")) part.get("model").refuse("must be the name of one model, without a *");
  const model = written === "" ? undefined : written;
  noteRest(part);
  const tree = (declared: readonly string[]): Record<string, unknown> => {
    const models = model === undefined || declared.includes(model) ? [] : [model];
    const hasAlias = model !== undefined && model !== literal(name) && !declared.includes(name);
    return compact({
      ...kind,
      credentials: access.credentials,
      models,
      aliases: hasAlias ? { [name]: model } : {},
      ...limits,
      parameters: kind.type === "dummy" ? {} : parameters,
      enabled: access.isOff ? false : undefined,
      // llm-orch gives a local model, which may have to be loaded first, twice the time.
      timeouts: kind.type === "ollama" ? { firstByte: "120s" } : {},
    });
  };
  return { name, model, tree };
}

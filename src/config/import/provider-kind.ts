import { factsOf, providerTypes, type ProviderType } from "../provider-types.ts";

/** Which of our types a foreign provider is. */
export interface ProviderKind {
  readonly type: ProviderType;
  /** Left out where it is the type's own. */
  readonly baseUrl?: string;
}

const azureHost = /\.(?:openai|cognitiveservices)\.azure\.(?:com|us|cn)$/;

/** Further hosts of services that the table of types knows by another one. */
const otherHosts: Readonly<Record<string, ProviderType>> = {
  "dashscope.aliyuncs.com": "qwen",
  "dashscope-us.aliyuncs.com": "qwen",
  "api.moonshot.cn": "moonshot",
};

const typeByHost: ReadonlyMap<string, ProviderType> = new Map([
  ...Object.entries(otherHosts),
  ...Object.entries(providerTypes).flatMap(([type, { baseUrl }]): [string, ProviderType][] => {
    const url = URL.parse(baseUrl ?? "");
    return url?.protocol === "https:" ? [[url.hostname, type as ProviderType]] : [];
  }),
]);

function hostOf(baseUrl: string): string {
  return URL.parse(baseUrl)?.hostname ?? "";
}

/** Whether our file takes this as a base URL; one that a variable holds may be anything. */
export function isBaseUrl(text: string): boolean {
  if (/^\$\{\w+\}$/.test(text)) return true;
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

function withoutSlashes(baseUrl: string): string {
  return baseUrl.trim().replace(/\/+$/, "");
}

function kind(type: ProviderType, baseUrl: string): ProviderKind {
  const own = factsOf(type).baseUrl;
  return baseUrl === "" || baseUrl === own ? { type } : { type, baseUrl };
}

function isRoot(baseUrl: string): boolean {
  return URL.parse(baseUrl)?.pathname === "/";
}

/** A server that is asked by OpenAI's protocol; `baseUrl` as OpenAI's SDK takes it, perhaps with the path of a call. */
export function openaiKind(baseUrl: string | undefined): ProviderKind {
  const url = withoutSlashes(baseUrl ?? "").replace(/\/chat(?:\/completions)?$|\/completions$|\/responses$/, "");
  if (url === "") return { type: "openai" };
  const host = hostOf(url);
  if (azureHost.test(host)) return { type: "azure", baseUrl: azureBase(url) };
  const type = typeByHost.get(host);
  // The compatible end points of Anthropic and Google are no more than that.
  if (type === undefined || !(factsOf(type).protocols[0] === "openai-chat"))
    return { type: "openai-compatible", baseUrl: url };
  return isRoot(url) ? { type } : kind(type, url);
}

/** The resource, or its v1 API; a deployment in the path is added again by the gateway. */
export function azureBase(baseUrl: string): string {
  const url = withoutSlashes(baseUrl);
  if (url.endsWith("/openai/v1")) return url;
  return url.replace(/\/openai(?:\/deployments.*)?$/, "");
}

/** A server whose protocol brings the version in its paths: Anthropic, Gemini, Ollama. */
export function hostKind(type: "anthropic" | "gemini" | "ollama", baseUrl: string | undefined): ProviderKind {
  const url = withoutSlashes(baseUrl ?? "")
    .replace(/\/(?:messages|api\/(?:chat|generate)|models)$/, "")
    .replace(/\/v\d+(?:beta)?$/, "");
  return kind(type, url);
}

/** A type with a base URL of the owner's choice. */
export function kindWithBase(type: ProviderType, baseUrl: string | undefined): ProviderKind {
  return kind(type, withoutSlashes(baseUrl ?? ""));
}

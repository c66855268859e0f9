import type { LocatedProblem } from "../config-error.ts";
import { pathText } from "../path.ts";
import { defaultProvider, factsOf } from "../provider-types.ts";
import { isUsable, type ResolvedConfig, type ResolvedProvider } from "../resolve.ts";
import type { CheckContext } from "./check-context.ts";

function credentialMessage(name: string, provider: ResolvedProvider): string {
  const variable = factsOf(provider.type).credentialVariable;
  if (name === defaultProvider) return `no API key; set ${variable}, or write one here`;
  return `no API key; write credentials: ["\${${variable}}"] and set that variable`;
}

const exampleKey = /^(?:sk|gsk)[-_a-z0-9]*\.{2,}$/i;

function exampleProblems(name: string, { enabled }: ResolvedProvider, { written }: CheckContext): LocatedProblem[] {
  return (written.providers[name]?.credentials ?? []).flatMap((credential, index): LocatedProblem[] => {
    if (!enabled || !credential.enabled || !exampleKey.test(credential.key)) return [];
    const message = "this is the example of the documents; put your own API key in its place";
    return [{ kind: "invalid", path: ["providers", name, "credentials", index], message }];
  });
}

function protocolProblems(name: string, { type, protocols }: ResolvedProvider): LocatedProblem[] {
  const { protocols: usual, alsoSpeaks } = factsOf(type);
  const spoken = [...usual, ...alsoSpeaks];
  return protocols.flatMap((protocol, index): LocatedProblem[] => {
    if (spoken.includes(protocol)) return [];
    const message = `providers of type ${type} do not speak ${protocol}; they can speak ${spoken.join(", ")}`;
    return [{ kind: "invalid", path: ["providers", name, "protocols", index], message }];
  });
}

/** Types whose paths begin with the version: a base URL that has it already would say it twice. */
const hostOnly: readonly string[] = ["anthropic", "gemini", "ollama"];

/** What the gateway writes behind a base URL by itself. */
const endpoint =
  /(?<!\/)\/(?:chat\/completions|completions|messages|responses|embeddings|models\/[^/]*:\w+|api\/(?:chat|generate|embed))\/*(?:\?.*)?$|:(?:generateContent|streamGenerateContent)(?:\?.*)?$/;

function endpointMessage(type: string, { baseUrl, ending }: { baseUrl: string; ending: string }): string {
  const base = baseUrl.slice(0, -ending.length);
  const right = hostOnly.includes(type) ? base.replace(/\/v\d+(?:beta)?$/, "") : base;
  const forOllama = ending.startsWith("/api/") && type !== "ollama" ? ", and type: ollama" : "";
  return `must not end with an endpoint (${ending}), the gateway adds that itself; write ${right}${forOllama}`;
}

function baseUrlProblems(name: string, { type, baseUrl }: ResolvedProvider): LocatedProblem[] {
  const path = ["providers", name, "baseUrl"];
  if (baseUrl === "" && factsOf(type).baseUrl === undefined) {
    const message = `is missing; providers of type ${type} need it, e.g. http://127.0.0.1:8080/v1`;
    return [{ kind: "invalid", path, message }];
  }
  const ending = endpoint.exec(baseUrl)?.[0];
  if (ending !== undefined) return [{ kind: "invalid", path, message: endpointMessage(type, { baseUrl, ending }) }];
  if (!hostOnly.includes(type) || !/\/v\d+(?:beta)?$/.test(baseUrl)) return [];
  const message = `must not end with a version: ${type}'s paths have it (${baseUrl.replace(/\/[^/]*$/, "")})`;
  return [{ kind: "invalid", path, message }];
}

function keyProblems(name: string, provider: ResolvedProvider): LocatedProblem[] {
  if (!provider.enabled || isUsable(provider)) return [];
  const message = credentialMessage(name, provider);
  return [{ kind: "missing-credential", path: ["providers", name, "credentials"], message }];
}

/** What a provider's type demands. */
export function providerProblems(config: ResolvedConfig, context: CheckContext): LocatedProblem[] {
  return Object.entries(config.providers).flatMap(([name, provider]) => [
    ...exampleProblems(name, provider, context),
    ...protocolProblems(name, provider),
    ...baseUrlProblems(name, provider),
    ...keyProblems(name, provider),
  ]);
}

function disabledWarnings({ providers, models }: ResolvedConfig): string[] {
  const all = Object.values(providers);
  if (all.length > 0 && all.every((provider) => !provider.enabled)) {
    return ["every provider is disabled (enabled: false), so no request can be answered"];
  }
  return Object.entries(models).flatMap(([model, { targets }]) => {
    const isServed = targets.some(({ provider }) => providers[provider]?.enabled !== false);
    return isServed ? [] : [`the model '${model}' has only disabled providers, so it cannot be answered`];
  });
}

function duplicateWarnings({ providers }: CheckContext["written"]): string[] {
  return Object.entries(providers).flatMap(([name, { credentials }]) =>
    credentials.flatMap(({ key }, index): string[] => {
      const first = credentials.findIndex((other) => other.key === key);
      if (first === index || key === "") return [];
      const place = pathText(["providers", name, "credentials", index]);
      return [`${place}: this is the same API key as credentials[${first}]; it is used as if it were two, remove one`];
    }),
  );
}

export function providerWarnings(config: ResolvedConfig, { written }: CheckContext): string[] {
  return [...disabledWarnings(config), ...duplicateWarnings(written)];
}

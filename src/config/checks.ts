import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { nearest } from "../lib/nearest.ts";
import type { LocatedProblem } from "./config-error.ts";
import { defaultProvider, factsOf } from "./provider-types.ts";
import { isUsable, type ResolvedConfig, type ResolvedProvider } from "./resolve.ts";

export interface CheckResult {
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly string[];
}

export interface CheckContext {
  readonly cwd: string;
  /** Names under `providers` in the file, those with mistakes too. */
  readonly declaredProviders: readonly string[];
  /** Whether the files it names must be there. */
  readonly needsFiles: boolean;
}

/** What OR_API_KEY is and every way to set it. */
function missingKeyMessage(cwd: string): string {
  return [
    "OR_API_KEY is not set, so there is no provider to send requests to.",
    "It is your OpenRouter API key (https://openrouter.ai/keys). Set it in one of these ways:",
    '  PowerShell  $env:OR_API_KEY = "sk-or-..."',
    "  cmd.exe     set OR_API_KEY=sk-or-...",
    '  bash, zsh   export OR_API_KEY="sk-or-..."',
    `  .env file   the line OR_API_KEY=sk-or-... in a file named .env in ${cwd}`,
    "Or run `orcestator init`, which asks for everything and tests the key;",
    "or `orcestator serve --demo`, which needs no key and answers by itself.",
  ].join("\n");
}

function credentialMessage(name: string, provider: ResolvedProvider): string {
  const variable = factsOf(provider.type).credentialVariable;
  if (name === defaultProvider) return `no API key; set ${variable}, or write one here`;
  return `no API key; write credentials: ["\${${variable}}"] and set that variable`;
}

const exampleKey = /^(?:sk|gsk)[-_a-z0-9]*\.{2,}$/i;

function exampleProblems(name: string, { enabled, credentials }: ResolvedProvider): LocatedProblem[] {
  return credentials.flatMap((credential, index): LocatedProblem[] => {
    if (!enabled || !exampleKey.test(credential)) return [];
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

function baseUrlProblems(name: string, { type, baseUrl }: ResolvedProvider): LocatedProblem[] {
  if (!hostOnly.includes(type) || !/\/v\d+(?:beta)?$/.test(baseUrl)) return [];
  const message = `must not end with a version: ${type}'s paths have it (${baseUrl.replace(/\/[^/]*$/, "")})`;
  return [{ kind: "invalid", path: ["providers", name, "baseUrl"], message }];
}

function providerProblems(name: string, provider: ResolvedProvider): LocatedProblem[] {
  const problems = [
    ...exampleProblems(name, provider),
    ...protocolProblems(name, provider),
    ...baseUrlProblems(name, provider),
  ];
  if (provider.baseUrl === "" && factsOf(provider.type).baseUrl === undefined) {
    const message = `is missing; providers of type ${provider.type} need it, e.g. http://127.0.0.1:8080/v1`;
    problems.push({ kind: "invalid", path: ["providers", name, "baseUrl"], message });
  }
  if (provider.enabled && !isUsable(provider)) {
    const message = credentialMessage(name, provider);
    problems.push({ kind: "missing-credential", path: ["providers", name, "credentials"], message });
  }
  return problems;
}

function targetProblems(config: ResolvedConfig, names: readonly string[]): LocatedProblem[] {
  return Object.entries(config.models).flatMap(([model, { targets }]) =>
    targets.flatMap(({ provider }, index): LocatedProblem[] => {
      if (names.includes(provider)) return [];
      const suggestion = nearest(provider, names);
      const hint =
        suggestion === undefined ? `declared: ${names.join(", ") || "none"}` : `did you mean '${suggestion}'?`;
      const message = `there is no provider '${provider}' under providers; ${hint}`;
      return [{ kind: "invalid", path: ["models", model, "targets", index, "provider"], message }];
    }),
  );
}

/** Files that a server with this configuration reads at start. */
function fileProblems(config: ResolvedConfig, cwd: string): LocatedProblem[] {
  const { tls } = config.server;
  const files: [LocatedProblem["path"], string][] = [];
  if (tls !== undefined) files.push([["server", "tls", "cert"], tls.cert], [["server", "tls", "key"], tls.key]);
  for (const [name, { enabled, ca }] of Object.entries(config.providers)) {
    if (enabled && ca !== undefined) files.push([["providers", name, "ca"], ca]);
  }
  return files.flatMap(([path, file]): LocatedProblem[] => {
    try {
      accessSync(resolve(cwd, file), constants.R_OK);
      return [];
    } catch {
      const message = `the file ${resolve(cwd, file)} cannot be read; give the path of a PEM file`;
      return [{ kind: "invalid", path, message }];
    }
  });
}

function disabledWarnings(config: ResolvedConfig): string[] {
  const providers = Object.values(config.providers);
  if (providers.length > 0 && providers.every((provider) => !provider.enabled)) {
    return ["every provider is disabled (enabled: false), so no request can be answered"];
  }
  return Object.entries(config.models).flatMap(([model, { targets }]) => {
    const isServed = targets.some(({ provider }) => config.providers[provider]?.enabled !== false);
    return isServed ? [] : [`the model '${model}' has only disabled providers, so it cannot be answered`];
  });
}

/** What the schema cannot see: references between parts, and what a provider's type demands. */
export function checkConfig(config: ResolvedConfig, { cwd, declaredProviders, needsFiles }: CheckContext): CheckResult {
  const problems = Object.entries(config.providers).flatMap(([name, provider]) => providerProblems(name, provider));
  problems.push(...targetProblems(config, declaredProviders));
  if (needsFiles) problems.push(...fileProblems(config, cwd));
  if (declaredProviders.length === 0) {
    problems.push({ kind: "missing-credential", path: [], message: missingKeyMessage(cwd) });
  }
  return { problems, warnings: disabledWarnings(config) };
}

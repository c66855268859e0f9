import { readEnvironment } from "../config/environment.ts";
import { defaultProvider, factsOf, type ProviderType } from "../config/provider-types.ts";
import { askChoice, askUntil } from "./ask.ts";
import { usageError } from "./output.ts";
import { httpUrl } from "./http.ts";

const initProviders = [
  "openrouter",
  "openai",
  "anthropic",
  "gemini",
  "ollama",
  "openai-compatible",
] as const satisfies readonly ProviderType[];
export type InitProvider = (typeof initProviders)[number];
const initFormats = ["env", "yaml"] as const;
type InitFormat = (typeof initFormats)[number];

export interface ProviderFacts {
  readonly label: string;
  /** Name under `providers` in the file. */
  readonly name: string;
  readonly keyPage: string | undefined;
  readonly format: InitFormat;
}

/** What only `init` wants to know of a type; the rest stands in the table of provider types. */
export const providerFacts: Readonly<Record<InitProvider, ProviderFacts>> = {
  openrouter: { label: "OpenRouter", name: "openrouter", keyPage: "https://openrouter.ai/keys", format: "env" },
  openai: { label: "OpenAI", name: "openai", keyPage: "https://platform.openai.com/api-keys", format: "yaml" },
  anthropic: {
    label: "Anthropic",
    name: "anthropic",
    keyPage: "https://platform.claude.com/settings/keys",
    format: "yaml",
  },
  gemini: { label: "Google Gemini", name: "gemini", keyPage: "https://aistudio.google.com/apikey", format: "yaml" },
  ollama: { label: "Ollama on this machine", name: "ollama", keyPage: undefined, format: "yaml" },
  "openai-compatible": {
    label: "another OpenAI-compatible API",
    name: "upstream",
    keyPage: undefined,
    format: "yaml",
  },
};

/** Everything `init` needs to write its files. */
export interface Choices {
  readonly provider: InitProvider;
  /** Empty when the provider needs none. */
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly model: string;
  readonly format: InitFormat;
}

export interface InitFlags {
  readonly provider?: string | undefined;
  readonly "api-key"?: string | undefined;
  readonly "base-url"?: string | undefined;
  readonly model?: string | undefined;
  readonly format?: string | undefined;
}

/** A key that can go into an HTTP header and a line of .env; a pasted line break or letter from another keyboard cannot. */
function checkKey(text: string): string {
  const key = text.trim();
  if (/^[\x21-\x7E]*$/.test(key)) return key;
  throw usageError("the API key has blanks or characters that no key has; copy it again");
}

function asProvider(text: string | undefined): InitProvider | undefined {
  if (text === undefined) return undefined;
  const provider = initProviders.find((name) => name === text.toLowerCase());
  if (provider === undefined) throw usageError(`--provider ${text}: write one of ${initProviders.join(", ")}`);
  return provider;
}

function asFormat(text: string | undefined): InitFormat | undefined {
  if (text === undefined) return undefined;
  const format = initFormats.find((name) => name === text.toLowerCase());
  if (format === undefined) throw usageError(`--format ${text}: write env or yaml`);
  return format;
}

/** Base URL that is not asked for: of the flag, of the environment that the gateway will read too, or the type's own. */
function knownBaseUrl(provider: InitProvider, flags: InitFlags): string | undefined {
  const environment = readEnvironment(process.cwd(), process.env);
  const fromEnvironment = provider === defaultProvider ? environment.text("OR_BASE_URL") : undefined;
  return flags["base-url"] ?? fromEnvironment ?? factsOf(provider).baseUrl;
}

/** The choices from flags alone. Throws with every flag that is missing, exit code 2. */
export function choicesFromFlags(flags: InitFlags): Choices {
  const provider = asProvider(flags.provider) ?? "openrouter";
  const facts = factsOf(provider);
  const apiKey = checkKey(flags["api-key"] ?? "");
  const baseUrl = knownBaseUrl(provider, flags);
  const model = flags.model ?? facts.defaultModel;
  const missing = [
    facts.needsCredential && apiKey === "" ? "--api-key" : "",
    baseUrl === undefined ? "--base-url" : "",
    model === undefined ? "--model" : "",
  ].filter((flag) => flag !== "");
  if (missing.length > 0 || baseUrl === undefined || model === undefined) {
    throw usageError(
      `nobody can be asked here (no terminal, or --yes), and ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing. ` +
        "Example: orcestator init --provider openrouter --api-key sk-or-... --model openai/gpt-4o",
    );
  }
  return {
    provider,
    apiKey,
    baseUrl: httpUrl(baseUrl),
    model,
    format: asFormat(flags.format) ?? providerFacts[provider].format,
  };
}

function notEmpty(what: string): (answer: string) => string {
  return (answer) => {
    if (answer === "") throw usageError(`${what} is needed`);
    return answer;
  };
}

/** Who is asked at this base URL, as people know it. */
export function serviceName({ provider, baseUrl }: Pick<Choices, "provider" | "baseUrl">): string {
  const usual = factsOf(provider).baseUrl;
  const { host } = new URL(baseUrl);
  if (usual === undefined) return host;
  const { label } = providerFacts[provider];
  return baseUrl === usual ? label : `${label} (${host})`;
}

function askKey(service: Pick<Choices, "provider" | "baseUrl">): Promise<string> {
  const { keyPage } = providerFacts[service.provider];
  const { needsCredential } = factsOf(service.provider);
  const hint = keyPage === undefined ? "empty when it needs none" : `from ${keyPage}`;
  const message = `API key of ${serviceName(service)}, ${hint}; it stays invisible:`;
  return askUntil({ message, isSecret: true }, (answer) =>
    checkKey(needsCredential ? notEmpty("the key")(answer) : answer),
  );
}

/** The choices from flags, and from the person at the terminal where a flag says nothing. */
export async function askChoices(flags: InitFlags): Promise<Choices> {
  const provider =
    asProvider(flags.provider) ??
    (await askChoice(
      "Where do your models come from?",
      initProviders.map((value) => ({ value, label: providerFacts[value].label })),
    ));
  const facts = providerFacts[provider];
  const givenUrl = knownBaseUrl(provider, flags);
  const baseUrl =
    givenUrl === undefined
      ? await askUntil({ message: "Base URL with its version path, e.g. http://127.0.0.1:8080/v1:" }, httpUrl)
      : httpUrl(givenUrl);
  const apiKey = flags["api-key"] === undefined ? await askKey({ provider, baseUrl }) : checkKey(flags["api-key"]);
  const model =
    flags.model ??
    (await askUntil(
      { message: "Upstream model behind the name orcestator:", fallback: factsOf(provider).defaultModel },
      notEmpty("a model name"),
    ));
  const format =
    asFormat(flags.format) ??
    (await askChoice("What shall be written?", [
      {
        value: facts.format,
        label: facts.format === "env" ? ".env (enough for a start)" : "orcestator.yaml, and the key in .env",
      },
      ...(facts.format === "env" ? [{ value: "yaml" as const, label: "orcestator.yaml, and the key in .env" }] : []),
    ]));
  return { provider, apiKey, baseUrl, model, format };
}

import { askChoice, askUntil } from "./ask.ts";
import { usageError } from "./output.ts";
import { httpUrl } from "./http.ts";

const initProviders = ["openrouter", "openai", "openai-compatible"] as const;
export type InitProvider = (typeof initProviders)[number];
const initFormats = ["env", "yaml"] as const;
type InitFormat = (typeof initFormats)[number];

export interface ProviderFacts {
  readonly label: string;
  readonly baseUrl: string | undefined;
  readonly model: string | undefined;
  readonly needsKey: boolean;
  /** Variable in .env that holds the key. */
  readonly variable: string;
  /** Name under `providers` in the file. */
  readonly name: string;
  readonly keyPage: string | undefined;
  readonly format: InitFormat;
}

export const providerFacts: Readonly<Record<InitProvider, ProviderFacts>> = {
  openrouter: {
    label: "OpenRouter",
    baseUrl: "https://openrouter.ai/api/v1",
    model: "openai/gpt-4o",
    needsKey: true,
    variable: "OR_API_KEY",
    name: "openrouter",
    keyPage: "https://openrouter.ai/keys",
    format: "env",
  },
  openai: {
    label: "OpenAI",
    baseUrl: "https://api.openai.com/v1",
    model: "gpt-4o",
    needsKey: true,
    variable: "OPENAI_API_KEY",
    name: "openai",
    keyPage: "https://platform.openai.com/api-keys",
    format: "yaml",
  },
  "openai-compatible": {
    label: "another OpenAI-compatible API",
    baseUrl: undefined,
    model: undefined,
    needsKey: false,
    variable: "UPSTREAM_API_KEY",
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

/** The choices from flags alone. Throws with every flag that is missing, exit code 2. */
export function choicesFromFlags(flags: InitFlags): Choices {
  const provider = asProvider(flags.provider) ?? "openrouter";
  const facts = providerFacts[provider];
  const apiKey = checkKey(flags["api-key"] ?? "");
  const baseUrl = flags["base-url"] ?? facts.baseUrl;
  const model = flags.model ?? facts.model;
  const missing = [
    facts.needsKey && apiKey === "" ? "--api-key" : "",
    baseUrl === undefined ? "--base-url" : "",
    model === undefined ? "--model" : "",
  ].filter((flag) => flag !== "");
  if (missing.length > 0 || baseUrl === undefined || model === undefined) {
    throw usageError(
      `nobody can be asked here (no terminal, or --yes), and ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing. ` +
        "Example: orcestator init --provider openrouter --api-key sk-or-... --model openai/gpt-4o",
    );
  }
  return { provider, apiKey, baseUrl: httpUrl(baseUrl), model, format: asFormat(flags.format) ?? facts.format };
}

function notEmpty(what: string): (answer: string) => string {
  return (answer) => {
    if (answer === "") throw usageError(`${what} is needed`);
    return answer;
  };
}

function askKey({ label, keyPage, needsKey }: ProviderFacts): Promise<string> {
  const hint = keyPage === undefined ? "empty when it needs none" : `from ${keyPage}`;
  const message = `API key of ${label} (${hint}; it stays invisible):`;
  return askUntil({ message, isSecret: true }, (answer) => checkKey(needsKey ? notEmpty("the key")(answer) : answer));
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
  const givenUrl = flags["base-url"] ?? facts.baseUrl;
  const baseUrl =
    givenUrl === undefined
      ? await askUntil({ message: "Base URL with its version path, e.g. http://127.0.0.1:8080/v1:" }, httpUrl)
      : httpUrl(givenUrl);
  const apiKey = flags["api-key"] === undefined ? await askKey(facts) : checkKey(flags["api-key"]);
  const model =
    flags.model ??
    (await askUntil(
      { message: "Upstream model behind the name orcestator:", fallback: facts.model },
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

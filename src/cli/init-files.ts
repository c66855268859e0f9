import { chmodSync, existsSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorText } from "../lib/error-text.ts";
import { parseDotenv } from "../config/dotenv.ts";
import { configFileNames } from "../config/parse-file.ts";
import { defaultProvider, factsOf } from "../config/provider-types.ts";
import { decodeText, readText, type DecodedText } from "../config/read-text.ts";
import { providerFacts, type Choices } from "./init-choices.ts";
import { CliError } from "./output.ts";

interface PlannedFile {
  readonly path: string;
  readonly text: string;
}

export interface InitPlan {
  readonly files: readonly PlannedFile[];
  /** What would be lost without `--force`; empty = nothing. */
  readonly conflicts: readonly string[];
}

type Settings = readonly (readonly [string, string])[];

/** What goes into .env. */
export function environmentSettings({ provider, apiKey, baseUrl, model, format }: Choices): Settings {
  if (format === "yaml") return apiKey === "" ? [] : [[factsOf(provider).credentialVariable, apiKey]];
  const url: Settings = baseUrl === factsOf(defaultProvider).baseUrl ? [] : [["OR_BASE_URL", baseUrl]];
  return [["OR_API_KEY", apiKey], ...url, ["OR_DEFAULT_MODEL", model]];
}

function quoted(value: string): string {
  if (!/[\s#"'\\]/.test(value)) return value;
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function nameOf(line: string): string | undefined {
  return /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1];
}

/** The old text (with `\n`) with the settings in place of their old lines, or behind everything else. */
export function mergeDotenv(text: string, settings: Settings): string {
  const wanted = new Map(settings);
  const known = new Set(wanted.keys());
  const kept = text.split("\n").flatMap((line) => {
    const name = nameOf(line);
    if (name === undefined || !known.has(name)) return [line];
    const value = wanted.get(name);
    wanted.delete(name);
    return value === undefined ? [] : [`${name}=${quoted(value)}`];
  });
  while (kept.at(-1) === "") kept.pop();
  return [...kept, ...[...wanted].map(([name, value]) => `${name}=${quoted(value)}`), ""].join("\n");
}

function readExisting(path: string): DecodedText {
  const existing = existsSync(path) ? readText(path) : decodeText(new Uint8Array());
  // Writing back what could not be read would destroy it.
  if (existing.isDamaged) throw new CliError(`${path} is not UTF-8 text; save it as UTF-8 first, then run init again`);
  return existing;
}

function planDotenv(folder: string, settings: Settings): InitPlan {
  const path = join(folder, ".env");
  const { text, lineEnd } = readExisting(path);
  const present = parseDotenv(text).values;
  const conflicts = settings.flatMap(([name, value]) =>
    (present[name] ?? "") === "" || present[name] === value ? [] : [`${path} sets ${name} to another value`],
  );
  return { files: [{ path, text: mergeDotenv(text, settings).replaceAll("\n", lineEnd) }], conflicts };
}

/** A text as YAML takes it, with `${` kept as it stands. */
function yamlText(text: string): string {
  return JSON.stringify(text.replaceAll("${", () => "$${"));
}

function yamlFor({ provider, apiKey, baseUrl, model }: Choices): string {
  const { name } = providerFacts[provider];
  const facts = factsOf(provider);
  return [
    "# All keys: orcestator config schema. The result: orcestator config show",
    "providers:",
    `  ${name}:`,
    `    type: ${provider}`,
    ...(baseUrl === facts.baseUrl ? [] : [`    baseUrl: ${yamlText(baseUrl)}`]),
    ...(apiKey === "" ? [] : [`    credentials: ["\${${facts.credentialVariable}}"]`]),
    "    acceptsAnyModel: true",
    "    listModels: true",
    "models:",
    "  orcestator:",
    "    targets:",
    `      - { provider: ${name}, model: ${yamlText(model)} }`,
    "",
  ].join("\n");
}

function planYaml(folder: string, choices: Choices): InitPlan {
  const path = join(folder, "orcestator.yaml");
  const existing = configFileNames.map((name) => join(folder, name)).filter((name) => existsSync(name));
  return { files: [{ path, text: yamlFor(choices) }], conflicts: existing.map((name) => `${name} exists already`) };
}

/** What would be written into `folder`. The key always goes into .env, so that orcestator.yaml may be shared. */
export function planFiles(folder: string, choices: Choices): InitPlan {
  const settings = environmentSettings(choices);
  const plans = [
    ...(choices.format === "yaml" ? [planYaml(folder, choices)] : []),
    ...(settings.length > 0 ? [planDotenv(folder, settings)] : []),
  ];
  return { files: plans.flatMap(({ files }) => files), conflicts: plans.flatMap(({ conflicts }) => conflicts) };
}

/** Writes a file in one step, readable by its owner only; a crash leaves the old one. */
function writePrivately({ path, text }: PlannedFile): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const temporary = join(dirname(target), `.orcestator-init-${process.pid}.tmp`);
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: "w" });
    chmodSync(temporary, 0o600);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    const reason = errorText(error);
    throw new CliError(`${path} cannot be written: ${reason}`);
  }
}

export function writeFiles(plan: InitPlan): void {
  for (const file of plan.files) writePrivately(file);
}

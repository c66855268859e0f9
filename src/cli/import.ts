import { defineCommand } from "citty";
import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { importConfig, systems, type Imported, type System } from "../config/import/import-config.ts";
import { renderYaml } from "../config/import/render-yaml.ts";
import { configFileNames } from "../config/parse-file.ts";
import { isPlainObject } from "../config/path.ts";
import { counted } from "../lib/counted.ts";
import { checkImport, type ImportCheck } from "./import-check.ts";
import { writeFiles } from "./init-files.ts";
import { CliError, palette, print, printable, printJson, printNote, usageError } from "./output.ts";

const usualName = "orcestator.yaml";

const description = `Convert the configuration of llm-orch, LiteLLM or OrchestrationApi

Examples:
  orcestator import config.yaml                     LiteLLM's
  orcestator import ./config                        llm-orch's folder: providers.toml, router.yaml
  orcestator import groups_config.json --out -      OrchestrationApi's groups; shows the result only`;

function asSystem(text: string | undefined): System | undefined {
  if (text === undefined) return undefined;
  const system = systems.find((name) => name === text.toLowerCase());
  if (system === undefined) throw usageError(`--from ${text}: write one of ${systems.join(", ")}`);
  return system;
}

interface Destination {
  /** Absolute; `undefined` = stdout. */
  readonly path: string | undefined;
  readonly isJson: boolean;
}

function destination(out: string, isReport: boolean): Destination {
  if (out === "-") {
    if (isReport) throw usageError("--json and --out - both write to the standard output; leave one of them out");
    return { path: undefined, isJson: false };
  }
  const extension = extname(out).toLowerCase();
  if (![".yaml", ".yml", ".json"].includes(extension))
    throw usageError(`--out ${out}: the name must end in .yaml, .yml or .json`);
  return { path: resolve(out), isJson: extension === ".json" };
}

function refuseOverwriting({ path }: Destination): void {
  if (path === undefined || !existsSync(path)) return;
  throw new CliError(
    `${path} exists already. Nothing was written; add --force to overwrite it, or --out with another name`,
  );
}

const systemNames: Readonly<Record<System, string>> = {
  "llm-orch": "llm-orch",
  litellm: "LiteLLM",
  "orchestration-api": "OrchestrationApi",
};

function namesIn(tree: Readonly<Record<string, unknown>>, section: string): string[] {
  const value = tree[section];
  return isPlainObject(value) ? Object.keys(value) : [];
}

function refuseEmpty({ tree, notes, from }: Imported): void {
  if (namesIn(tree, "providers").length > 0) return;
  const list = notes.map((note) => `\n  - ${printable(note)}`).join("");
  throw new CliError(
    `nothing of this ${systemNames[from]} configuration can be carried over, so nothing was written${list}`,
  );
}

function refuseProblems({ problems }: ImportCheck): void {
  if (problems.length === 0) return;
  const list = problems.map(({ path, message }) => `\n  - ${printable(`${path}: ${message}`)}`).join("");
  throw new CliError(`the result would not be accepted, so nothing was written; change this in the source:${list}`);
}

function render({ tree, notes, from, files }: Imported, { isJson }: Destination): string {
  if (isJson) return `${JSON.stringify(tree, null, 2)}\n`;
  const source = files.map((file) => file.replace(/^.*[/\\]/, "")).join(" and ");
  return renderYaml(tree, { title: `Made by \`orcestator import\` from ${systemNames[from]}'s ${source}`, notes });
}

function named(names: readonly string[], what: string): string {
  const shown = names.slice(0, 12).map(printable).join(", ");
  const more = names.length > 12 ? ", …" : "";
  return `${counted(names.length, what)}${names.length === 0 ? "" : ` (${shown}${more})`}`;
}

/** Names that clients may ask for: declared, or offered by a provider. */
function modelNames(tree: Readonly<Record<string, unknown>>): string[] {
  const providers = isPlainObject(tree["providers"]) ? Object.values(tree["providers"]) : [];
  const offered = providers
    .filter(isPlainObject)
    .flatMap((provider) => [
      ...(Array.isArray(provider["models"]) ? provider["models"].map(String) : []),
      ...namesIn(provider, "aliases"),
    ]);
  return [...new Set([...namesIn(tree, "models"), ...offered])];
}

function routeCount({ routes }: Readonly<Record<string, unknown>>): number {
  return Array.isArray(routes) ? routes.length : 0;
}

function summary({ tree }: Imported): string {
  const routes = routeCount(tree);
  const parts = [named(namesIn(tree, "providers"), "provider"), named(modelNames(tree), "model")];
  return [...parts, ...(routes === 0 ? [] : [`${routes} routes`])].join(", ");
}

const usualPorts: Readonly<Record<System, number>> = { "llm-orch": 31001, litellm: 4000, "orchestration-api": 5000 };

/** What a person should know and do now. */
function advice(imported: Imported, { missingVariables }: ImportCheck, { path }: Destination): string[] {
  const { yellow } = palette(path === undefined ? process.stderr : process.stdout);
  const notes = imported.notes.map((note) => `  - ${printable(note)}`);
  const others = configFileNames.filter((name) => path !== resolve(name) && existsSync(name));
  const isUsual = path !== undefined && others.length === 0 && configFileNames.some((name) => path === resolve(name));
  const command = `orcestator serve${isUsual || path === undefined ? "" : ` --config ${path}`}`;
  return [
    ...(notes.length === 0 ? [] : ["", yellow(`Not carried over, or different here (${notes.length}):`), ...notes]),
    ...(missingVariables.length === 0
      ? []
      : ["", `Set before the start, e.g. as lines NAME=… in .env: ${missingVariables.join(", ")}`]),
    "",
    `It will listen on port 8000, where ${systemNames[imported.from]}'s documents have ${usualPorts[imported.from]}: server.port changes that.`,
    ...(path === undefined ? [] : [`Start the gateway with:  ${command}`]),
  ];
}

interface Finished {
  readonly imported: Imported;
  readonly check: ImportCheck;
  readonly place: Destination;
  readonly text: string;
}

function report({ imported, check, place, text }: Finished): void {
  const lines = [summary(imported), ...advice(imported, check, place)];
  if (place.path === undefined) {
    process.stdout.write(text);
    for (const line of lines) printNote(line);
    return;
  }
  print(`${palette().green("wrote")} ${place.path}`);
  for (const line of lines) print(line);
}

function jsonReport({ imported, check, place }: Finished): unknown {
  const { from, files, notes, tree } = imported;
  const { missingVariables } = check;
  const counts = { providers: namesIn(tree, "providers"), models: modelNames(tree), routes: routeCount(tree) };
  return { from, files, out: place.path, ...counts, notes, missingVariables };
}

export default defineCommand({
  meta: { name: "import", description },
  args: {
    path: { type: "positional", required: true, description: "File of the other system, or llm-orch's folder" },
    from: { type: "string", valueHint: systems.join("|"), description: "Whose it is (default: its content tells)" },
    out: {
      type: "string",
      valueHint: "file",
      default: usualName,
      description: "What to write; - for the standard output",
    },
    force: { type: "boolean", description: "Overwrite an existing file" },
    json: { type: "boolean", description: "Print what was done as JSON" },
  },
  run({ args }) {
    const place = destination(args.out, args.json === true);
    const from = asSystem(args.from);
    if (args.force !== true) refuseOverwriting(place);
    const imported = importConfig(resolve(args.path), from);
    refuseEmpty(imported);
    const text = render(imported, place);
    const yaml = place.isJson ? render(imported, { ...place, isJson: false }) : text;
    const check = checkImport(imported.tree, yaml, process.cwd());
    refuseProblems(check);
    if (place.path !== undefined) writeFiles({ files: [{ path: place.path, text }], conflicts: [] });
    const finished = { imported, check, place, text };
    if (args.json === true) printJson(jsonReport(finished));
    else report(finished);
  },
});

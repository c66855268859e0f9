import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { defineCommand } from "citty";
import { maskedPlaces } from "../admin/configuration/masked-secrets.ts";
import { type ConfigImportResult, exportFormat } from "../admin/contract/config.ts";
import { readEnvironment } from "../config/environment.ts";
import { renderYaml } from "../config/import/render-yaml.ts";
import { literal } from "../config/import/part.ts";
import { parseConfigFile } from "../config/parse-file.ts";
import { isPlainObject, pathText } from "../config/path.ts";
import { substitute } from "../config/substitute.ts";
import { counted } from "../lib/counted.ts";
import { listed } from "../lib/listed.ts";
import { adminArguments } from "./admin-api.ts";
import { checkImport } from "./import-check.ts";
import { importDocument } from "./import-document.ts";
import { writeFiles } from "./init-files.ts";
import { CliError, palette, print, printable, printJson, printNote, table, usageError } from "./output.ts";

const description = `Change the configuration of a running gateway by a document: an export, or a configuration file, whole or in part

Examples:
  orcestator config import gateway.json --dry-run
  orcestator config import gateway.json
  orcestator config import gateway.json --out orcestator.yaml      makes a configuration file of it, without a gateway`;

const mostNamed = 10;

type Tree = Record<string, unknown>;

/** Variables are those of this shell: a gateway takes texts as they are. */
function withVariables(tree: Tree): Tree {
  const { tree: read, problems } = substitute(tree, readEnvironment(process.cwd(), process.env));
  if (problems.length === 0) return read;
  throw new CliError(problems.map(({ path, message }) => printable(`${pathText(path)}: ${message}`)).join("\n"));
}

function readDocument(path: string): Tree {
  const { tree } = parseConfigFile(resolve(path), process.cwd());
  return tree["format"] === exportFormat || isPlainObject(tree["config"]) ? tree : withVariables(tree);
}

/** An export but for its virtual keys and teams, which are told: nobody should believe that they came along. */
function withoutKeys(document: Tree, advice: string): Tree {
  if (!isPlainObject(document["config"])) return document;
  const { keys, teams, ...rest } = document;
  const [keyCount, teamCount] = [keys, teams].map((part) => (Array.isArray(part) ? part.length : 0));
  if (!keyCount && !teamCount) return document;
  const found = `${counted(keyCount ?? 0, "virtual key")} and ${counted(teamCount ?? 0, "team")}`;
  printNote(`Left alone: ${found} of the document; ${advice}`);
  return rest;
}

function withLiterals(value: unknown): unknown {
  if (typeof value === "string") return literal(value);
  if (Array.isArray(value)) return value.map(withLiterals);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withLiterals(item)]));
}

function refuseMasks(tree: Tree): void {
  const places = maskedPlaces(tree);
  if (places.length === 0) return;
  throw new CliError(
    printable(`${listed(places, mostNamed)}: masked, so nothing was written; export it with --secrets`),
  );
}

/** A configuration file that says what the document says. */
function writeFile(document: Tree, { out, force }: { out: string; force: boolean }): void {
  const path = resolve(out);
  if (!/^\.(?:ya?ml|json)$/i.test(extname(path)))
    throw usageError(`--out ${out}: the name must end in .yaml, .yml or .json`);
  if (existsSync(path) && !force) throw new CliError(`${path} exists already; add --force to overwrite it`);
  const { config } = withoutKeys(document, "a configuration file holds none");
  const tree = withLiterals(isPlainObject(config) ? config : document) as Tree;
  refuseMasks(tree);
  const yaml = renderYaml(tree, { title: "Made by `orcestator config import`", notes: [] });
  const { problems } = checkImport(tree, yaml, process.cwd());
  if (problems.length > 0)
    throw new CliError(problems.map(({ path: place, message }) => printable(`${place}: ${message}`)).join("\n"));
  const text = extname(path).toLowerCase() === ".json" ? `${JSON.stringify(tree, null, 2)}\n` : yaml;
  writeFiles({ files: [{ path, text }], conflicts: [] });
  print(`${palette().green("wrote")} ${path}`);
}

function shown(value: unknown): string {
  return value === null ? "–" : printable(typeof value === "string" ? value : JSON.stringify(value));
}

function show({ dryRun, differences, ignored, keys, warnings }: ConfigImportResult): void {
  const colors = palette();
  for (const warning of warnings) printNote(`${palette(process.stderr).yellow("warning")}: ${printable(warning)}`);
  if (ignored.length > 0)
    printNote(`Left alone, only the gateway's file or environment can say it: ${ignored.map(printable).join(", ")}`);
  if (keys > 0) print(`${keys} keys and teams ${dryRun ? "would be" : "were"} written.`);
  if (differences.length === 0) {
    const what = keys > 0 ? "Nothing else" : "Nothing";
    print(dryRun ? `${what} would change.` : `${what} has changed.`);
    return;
  }
  const columns = [
    { title: "SETTING", text: ({ path }: (typeof differences)[number]) => printable(path) },
    { title: "BEFORE", text: ({ before }: (typeof differences)[number]) => shown(before), maxWidth: 60 },
    {
      title: dryRun ? "WITH IT" : "NOW",
      text: ({ after }: (typeof differences)[number]) => shown(after),
      maxWidth: 60,
    },
  ];
  print(table(columns, differences, colors));
}

export default defineCommand({
  meta: { name: "import", description },
  args: {
    file: { type: "positional", required: true, description: "An export, or a configuration file" },
    "dry-run": { type: "boolean", description: "Only show what would change" },
    replace: { type: "boolean", description: "Take back changes of the admin API that the document does not name" },
    keys: { type: "boolean", description: "Virtual keys and teams of the document too" },
    out: { type: "string", valueHint: "file", description: "Write a configuration file instead; asks no gateway" },
    force: { type: "boolean", description: "Overwrite the file of --out" },
    ...adminArguments,
  },
  async run({ args }) {
    const document = readDocument(args.file);
    if (args.out !== undefined) {
      writeFile(document, { out: args.out, force: args.force === true });
      return;
    }
    const wishes = { dryRun: args["dry-run"] === true, replace: args.replace === true, keys: args.keys === true };
    const sent = wishes.keys ? document : withoutKeys(document, "with --keys they are imported too");
    const done = await importDocument(args, sent, wishes);
    if (args.json === true) printJson(done);
    else show(done);
  },
});

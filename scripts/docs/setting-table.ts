import { configJsonSchema } from "../../src/config/json-schema.ts";
import { isPlainObject } from "../../src/config/path.ts";
import { configSchema, providerSchema } from "../../src/config/schema.ts";
import { codeOrDash, markdownTable } from "./markdown-table.ts";

type Node = Readonly<Record<string, unknown>>;

interface Setting {
  readonly path: string;
  readonly node: Node;
  readonly description: string;
  /** Must be set wherever its section is written. */
  readonly isRequired: boolean;
}

/** Where a section's settings stand in the schema, and the values they have when nobody sets them. */
const sections: Readonly<Record<string, { path: readonly string[]; defaults: () => unknown }>> = {
  server: { path: ["server"], defaults: () => configSchema.parse({}).server },
  providers: {
    path: ["providers", "*"],
    defaults: () => providerSchema.parse({ type: "dummy" }),
  },
  models: { path: ["models", "*"], defaults: () => ({}) },
  keys: { path: ["keys"], defaults: () => configSchema.parse({}).keys },
  logging: { path: ["logging"], defaults: () => configSchema.parse({}).logging },
  storage: { path: ["storage"], defaults: () => configSchema.parse({}).storage },
  admin: { path: ["admin"], defaults: () => configSchema.parse({}).admin },
};

function asNode(value: unknown): Node {
  return isPlainObject(value) ? value : {};
}

function nodeAt(path: readonly string[]): Node {
  let node: Node = asNode(configJsonSchema());
  for (const key of path) node = asNode(key === "*" ? node["additionalProperties"] : asNode(node["properties"])[key]);
  return node;
}

function descriptionOf(node: Node): string {
  return typeof node["description"] === "string" ? node["description"] : "";
}

/** The settings below a node, objects of fixed keys and lists of such objects opened. */
function settingsBelow(parent: { node: Node; path: string; isRequired: boolean }): Setting[] {
  const required = Array.isArray(parent.node["required"]) ? parent.node["required"] : [];
  return Object.entries(asNode(parent.node["properties"])).flatMap(([key, value]) => {
    const node = asNode(value);
    const setting: Setting = {
      node,
      path: parent.path === "" ? key : `${parent.path}.${key}`,
      description: descriptionOf(node) || descriptionOf(parent.node),
      isRequired: parent.isRequired && required.includes(key),
    };
    if (isPlainObject(node["properties"])) return settingsBelow(setting);
    const items = asNode(node["items"]);
    if (!isPlainObject(items["properties"])) return [setting];
    return [setting, ...settingsBelow({ ...setting, node: items, path: `${setting.path}[]` })];
  });
}

function rangeOf({ minimum, maximum }: Node): string {
  if (typeof minimum !== "number") return "";
  if (typeof maximum !== "number" || maximum === Number.MAX_SAFE_INTEGER) return ` from ${minimum}`;
  return ` ${minimum} to ${maximum}`;
}

/** What may be written, for people. */
function valuesOf(node: Node): string {
  if (Array.isArray(node["enum"])) return node["enum"].map((value) => `\`${String(value)}\``).join(", ");
  if (Array.isArray(node["anyOf"])) return node["anyOf"].map((option) => valuesOf(asNode(option))).join(" or ");
  if ("const" in node) return `\`${String(node["const"])}\``;
  const types = [node["type"]].flat();
  if (types.includes("integer")) return `whole number${rangeOf(node)}`;
  if (types.includes("boolean")) return "`true` or `false`";
  if (types.includes("array")) return asNode(node["items"])["type"] === "object" ? "list" : "list of texts";
  if (types.includes("number")) return "duration";
  if (types.includes("object")) return "object of texts";
  return "text";
}

function valueAt(tree: unknown, path: string): unknown {
  let value = tree;
  for (const key of path.split(".")) value = asNode(value)[key];
  return value;
}

function defaultText({ path, node, isRequired }: Setting, defaults: unknown): string {
  if (isRequired) return "must be set";
  const value = node["default"] ?? valueAt(defaults, path);
  if (typeof value === "string") return codeOrDash(value);
  return codeOrDash(typeof value === "number" || typeof value === "boolean" ? String(value) : "");
}

/** One section of the configuration file as a table, made from the schema's own descriptions. */
export function settingTable(name: string): string {
  const section = sections[name];
  if (section === undefined) throw new Error(`No section '${name}'. There are: ${Object.keys(sections).join(", ")}.`);
  const defaults = section.defaults();
  const rows = settingsBelow({ node: nodeAt(section.path), path: "", isRequired: true }).map((setting) => [
    `\`${setting.path}\``,
    valuesOf(setting.node),
    defaultText(setting, defaults),
    setting.description,
  ]);
  return markdownTable(["Setting", "Values", "Default", "What it does"], rows);
}

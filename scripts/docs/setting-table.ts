import { configJsonSchema, isDurationNode, objectForm } from "../../src/config/json-schema.ts";
import { isPlainObject } from "../../src/config/path.ts";
import { credential, modelSchema } from "../../src/config/schema-routing.ts";
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

interface Section {
  /** Where its settings stand in the schema: `*` = any name, `[]` = any entry of a list. */
  readonly path: readonly string[];
  /** The values they have when nobody sets them. */
  readonly defaults: () => unknown;
  /** Of what stands there, only these. */
  readonly only?: readonly string[];
}

const unset = (): ReturnType<typeof configSchema.parse> => configSchema.parse({});

const sections: Readonly<Record<string, Section>> = {
  server: { path: ["server"], defaults: () => unset().server },
  providers: {
    path: ["providers", "*"],
    defaults: () => ({ ...providerSchema.parse({ type: "dummy" }), credentials: [credential.parse({ key: "k" })] }),
  },
  models: {
    path: ["models", "*"],
    defaults: () => modelSchema.parse({ targets: [{ provider: "p", model: "m" }] }),
  },
  routes: { path: ["routes", "[]"], defaults: () => ({}) },
  parameters: { path: [], defaults: () => ({}), only: ["parameters", "overrides", "remove"] },
  affinity: { path: ["affinity"], defaults: () => unset().affinity },
  failover: { path: ["failover"], defaults: () => unset().failover },
  health: { path: ["health"], defaults: () => unset().health },
  limits: { path: ["limits"], defaults: () => unset().limits },
  keys: { path: ["keys"], defaults: () => unset().keys },
  budgets: { path: ["budgets"], defaults: () => unset().budgets },
  logging: { path: ["logging"], defaults: () => unset().logging },
  storage: { path: ["storage"], defaults: () => unset().storage },
  redis: { path: ["redis"], defaults: () => unset().redis },
  responses: { path: ["responses"], defaults: () => unset().responses },
  prices: { path: ["prices"], defaults: () => unset().prices },
  "prices models": { path: ["prices", "models", "*"], defaults: () => ({}) },
  admin: { path: ["admin"], defaults: () => unset().admin },
};

function asNode(value: unknown): Node {
  return isPlainObject(value) ? value : {};
}

function nodeAt(path: readonly string[]): Node {
  let node: Node = asNode(configJsonSchema());
  for (const key of path) {
    if (key === "*") node = asNode(node["additionalProperties"]);
    else node = asNode(key === "[]" ? node["items"] : asNode(node["properties"])[key]);
  }
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
    const items = asNode(objectForm(node["items"]));
    if (!isPlainObject(items["properties"])) return [setting];
    return [setting, ...settingsBelow({ node: items, path: `${setting.path}[]`, isRequired: true })];
  });
}

function rangeOf({ minimum, maximum }: Node): string {
  if (typeof minimum !== "number" || minimum === Number.MIN_SAFE_INTEGER) return "";
  if (typeof maximum !== "number" || maximum === Number.MAX_SAFE_INTEGER) return ` from ${minimum}`;
  return ` ${minimum} to ${maximum}`;
}

function listText(items: Node): string {
  if (Array.isArray(items["anyOf"])) return "list of texts or objects";
  if (items["type"] === "object") return "list";
  return Array.isArray(items["enum"]) ? `list of ${valuesOf(items)}` : "list of texts";
}

/** What may be written, for people. */
function valuesOf(node: Node): string {
  if (Array.isArray(node["enum"])) return node["enum"].map((value) => `\`${String(value)}\``).join(", ");
  if (Array.isArray(node["anyOf"])) return node["anyOf"].map((option) => valuesOf(asNode(option))).join(" or ");
  if ("const" in node) return `\`${String(node["const"])}\``;
  if (isDurationNode(node)) return "duration";
  const types = [node["type"]].flat();
  if (types.includes("integer")) return `whole number${rangeOf(node)}`;
  if (types.includes("number")) return `number${rangeOf(node)}`;
  if (types.includes("boolean")) return "`true` or `false`";
  if (types.includes("array")) return listText(asNode(node["items"]));
  if (!types.includes("object")) return "text";
  return asNode(node["additionalProperties"])["type"] === "string" ? "object of texts" : "object";
}

function valueAt(tree: unknown, path: string): unknown {
  let value = tree;
  for (const key of path.split(".")) {
    const isList = key.endsWith("[]");
    const next = asNode(value)[isList ? key.slice(0, -2) : key];
    value = isList && Array.isArray(next) ? next[0] : next;
  }
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
  const settings = settingsBelow({ node: nodeAt(section.path), path: "", isRequired: true });
  const shown = settings.filter(({ path }) => section.only === undefined || section.only.includes(path));
  const rows = shown.map((setting) => [
    `\`${setting.path}\``,
    valuesOf(setting.node),
    defaultText(setting, defaults),
    setting.description,
  ]);
  return markdownTable(["Setting", "Values", "Default", "What it does"], rows);
}

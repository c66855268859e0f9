import { invalidRequest } from "../../errors.ts";
import type { Tool, ToolChoice } from "../canonical/conversation.ts";
import type { Losses } from "../canonical/losses.ts";
import { booleanOf, fieldsOf, filledOf, isFields, listOf, stringOf, type Fields } from "../fields.ts";

/** The tools of a request, and the way from a client's name of one to the flat name. */
export interface ToolBook {
  readonly tools: readonly Tool[];
  flatName(name: string, namespace: string | undefined): string;
}

interface NamedTool {
  namespace: string | undefined;
  name: string;
  tool: Omit<Tool, "name">;
}

function functionTool(fields: Fields): Omit<Tool, "name"> {
  const { parameters } = fields;
  return {
    kind: "function",
    description: filledOf(fields["description"]),
    parameters: isFields(parameters) ? parameters : undefined,
    strict: booleanOf(fields["strict"]),
  };
}

function customTool(fields: Fields): Omit<Tool, "name"> {
  const format = fields["format"] ?? undefined;
  return { kind: "custom", description: filledOf(fields["description"]), ...(format === undefined ? {} : { format }) };
}

interface Place {
  path: string;
  namespace: string | undefined;
  losses: Losses;
}

function readTool(value: unknown, { path, namespace, losses }: Place): NamedTool[] {
  if (!isFields(value)) throw invalidRequest(`\`${path}\` must be an object.`, path);
  const type = stringOf(value["type"]) ?? "";
  if (type === "namespace") return readNamespace(value, { path, losses });
  if (type !== "function" && type !== "custom") {
    losses.add(path, `tools of type ${type.slice(0, 60)} run at OpenAI only`);
    return [];
  }
  // Clients of chat completions nest a tool under its type.
  const fields = isFields(value[type]) ? value[type] : value;
  const name = filledOf(fields["name"]);
  if (name === undefined) throw invalidRequest(`\`${path}.name\` is missing.`, `${path}.name`);
  return [{ namespace, name, tool: type === "function" ? functionTool(fields) : customTool(fields) }];
}

function readNamespace(fields: Fields, { path, losses }: { path: string; losses: Losses }): NamedTool[] {
  const namespace = filledOf(fields["name"]);
  if (namespace === undefined) throw invalidRequest(`\`${path}.name\` is missing.`, `${path}.name`);
  return listOf(fields["tools"]).flatMap((tool, index) =>
    readTool(tool, { path: `${path}.tools[${index}]`, namespace, losses }),
  );
}

function uniqueName(wish: string, taken: ReadonlySet<string>): string {
  let name = wish;
  for (let count = 2; taken.has(name); count += 1) name = `${wish}_${count}`;
  return name;
}

const keyOf = (name: string, namespace: string | undefined): string => `${namespace ?? ""}\u0000${name}`;

/** Tools without a namespace keep their names; one inside keeps its own where no other has it. */
function flatten(named: readonly NamedTool[], losses: Losses): { tools: Tool[]; flat: Map<string, string> } {
  const counts = new Map<string, number>();
  for (const { name } of named) counts.set(name, (counts.get(name) ?? 0) + 1);
  const flat = new Map<string, string>();
  const taken = new Set(named.filter(({ namespace }) => namespace === undefined).map(({ name }) => name));
  const tools: Tool[] = [];
  for (const { name, namespace, tool } of named) {
    const key = keyOf(name, namespace);
    if (flat.has(key)) {
      losses.add("tools", `there is more than one tool ${name.slice(0, 60)}`);
      continue;
    }
    if (namespace === undefined) {
      flat.set(key, name);
      tools.push({ name, ...tool });
      continue;
    }
    const flatName = uniqueName(counts.get(name) === 1 ? name : `${namespace}__${name}`, taken);
    taken.add(flatName);
    flat.set(key, flatName);
    tools.push({ name: flatName, ...tool, namespace: { namespace, name } });
  }
  return { tools, flat };
}

export interface ToolList {
  value: unknown;
  path: string;
}

/** Reads the lists of tools of a request, which may stand in its input too. Throws GatewayError (400) for what is no tool. */
export function readTools(lists: readonly ToolList[], losses: Losses): ToolBook {
  const named = lists.flatMap(({ value, path }) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw invalidRequest(`\`${path}\` must be an array.`, path);
    return listOf(value).flatMap((tool, index) =>
      readTool(tool, { path: `${path}[${index}]`, namespace: undefined, losses }),
    );
  });
  const { tools, flat } = flatten(named, losses);
  const nested = (name: string): Tool[] => tools.filter((tool) => tool.namespace?.name === name);
  return {
    tools,
    flatName(name, namespace) {
      const known = flat.get(keyOf(name, namespace));
      if (known !== undefined) return known;
      if (namespace !== undefined) return `${namespace}__${name}`;
      // Some clients leave the namespace out when they send a call back.
      const [only, ...others] = nested(name);
      return only === undefined || others.length > 0 ? name : only.name;
    },
  };
}

function nameOfChoice(choice: Fields, path: string): string {
  const name = filledOf(choice["name"]) ?? filledOf(fieldsOf(choice[stringOf(choice["type"]) ?? ""])["name"]);
  if (name === undefined) throw invalidRequest(`\`${path}.name\` is missing.`, `${path}.name`);
  return name;
}

function isOwnTool(choice: Fields): boolean {
  return choice["type"] === "function" || choice["type"] === "custom";
}

function readSubset(choice: Fields, book: ToolBook, losses: Losses): ToolChoice {
  const mode = choice["mode"] === "required" ? "required" : "auto";
  const names = listOf(choice["tools"]).flatMap((entry, index) => {
    const path = `tool_choice.tools[${index}]`;
    const fields = fieldsOf(entry);
    if (isOwnTool(fields)) return [book.flatName(nameOfChoice(fields, path), stringOf(fields["namespace"]))];
    losses.add(path, `tools of type ${(stringOf(fields["type"]) ?? "").slice(0, 60)} run at OpenAI only`);
    return [];
  });
  return names.length === 0 ? { type: "none" } : { type: "subset", mode, names };
}

/** Reads `tool_choice` in all its forms; one of a tool that runs at OpenAI is lost. */
export function readToolChoice(choice: unknown, book: ToolBook, losses: Losses): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { type: choice };
  if (!isFields(choice))
    throw invalidRequest("`tool_choice` must be none, auto, required, or an object that names a tool.", "tool_choice");
  if (choice["type"] === "allowed_tools")
    return readSubset({ ...fieldsOf(choice["allowed_tools"]), ...choice }, book, losses);
  if (isOwnTool(choice))
    return { type: "tool", name: book.flatName(nameOfChoice(choice, "tool_choice"), stringOf(choice["namespace"])) };
  losses.add("tool_choice", `tools of type ${(stringOf(choice["type"]) ?? "").slice(0, 60)} run at OpenAI only`);
  return undefined;
}

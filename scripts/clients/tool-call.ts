import type { DeclaredTool } from "../../test/support/replay-tools.ts";
import { fieldsOf, type Fields } from "../../test/support/replay-fields.ts";

/** What the agent shall do. */
export interface FileToWrite {
  /** Absolute. */
  path: string;
  content: string;
}

interface Choice {
  name: string;
  /** JSON text. */
  input: string;
}

const writerNames = [
  "write_file",
  "write",
  "create",
  "create_file",
  "write_to_file",
  "builtin_create_new_file",
  "create_new_file",
];
const shellNames = [
  "exec_command",
  "shell_command",
  "shell",
  "bash",
  "run_shell_command",
  "run_commands",
  "execute_command",
  "run_in_terminal",
  "local_shell",
];
const patchNames = ["apply_patch"];

const pathField = /^(?:absolute_?|file_?)?(?:path|name)$/i;
const contentField = /^(?:content|contents|file_?text|text|new_?text)$/i;
const commandField = /^(?:cmd|command|commands|script)$/i;

function patchOf({ path, content }: FileToWrite): string {
  return `*** Begin Patch\n*** Add File: ${path}\n${content
    .split("\n")
    .map((line) => `+${line}`)
    .join("\n")}\n*** End Patch`;
}

function typeOf(schema: Fields): string {
  const [first] = [schema["type"]].flat();
  if (typeof first === "string") return first.toLowerCase();
  const variants = [schema["anyOf"] ?? schema["oneOf"] ?? []].flat().map(fieldsOf);
  return variants.map(typeOf).find((type) => type !== "null") ?? "string";
}

/** Something that satisfies a schema, for required fields without meaning to us. */
function placeholder(schema: Fields): unknown {
  const choices = schema["enum"];
  if (Array.isArray(choices)) return choices[0];
  switch (typeOf(schema)) {
    case "boolean":
      return false;
    case "number":
    case "integer":
      return 10_000;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return "Write the file";
  }
}

function commandOf(schema: Fields, script: string): unknown {
  if (typeOf(schema) !== "array") return script;
  const item = fieldsOf(schema["items"]);
  if (typeOf(item) === "object") return [inputFor(item, { script })];
  // A list of words is one command (Codex), a list of commands is another thing (Cline).
  return /commands to|each command/i.test(JSON.stringify(schema)) ? [script] : ["bash", "-c", script];
}

interface Values {
  script: string;
  file?: FileToWrite;
}

function valueOf(name: string, schema: Fields, { script, file }: Values): unknown {
  if (file !== undefined && pathField.test(name)) return file.path;
  if (file !== undefined && contentField.test(name)) return file.content;
  if (commandField.test(name)) return commandOf(schema, script);
  return undefined;
}

function inputFor(schema: Fields, values: Values): Fields {
  const required = [schema["required"] ?? []].flat();
  const entries = Object.entries(fieldsOf(schema["properties"])).flatMap(([name, property]) => {
    const value = valueOf(name, fieldsOf(property), values);
    if (value !== undefined) return [[name, value] as const];
    return required.includes(name) ? [[name, placeholder(fieldsOf(property))] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** The best tool among those offered for writing a file, with input that fits its schema; `undefined` when there is none. */
export function chooseTool(tools: readonly DeclaredTool[], file: FileToWrite): Choice | undefined {
  const named = (names: readonly string[]) =>
    tools.find(({ name }) => names.includes(name.toLowerCase().replace(/^.*(?:__|\.)/, "")));
  const writer = named(writerNames);
  if (writer !== undefined) {
    return { name: writer.name, input: JSON.stringify(inputFor(fieldsOf(writer.schema), { script: "", file })) };
  }
  const patch = named(patchNames);
  const [field] = Object.keys(fieldsOf(fieldsOf(patch?.schema)["properties"]));
  if (patch !== undefined && field !== undefined)
    return { name: patch.name, input: JSON.stringify({ [field]: patchOf(file) }) };
  const shell = named(shellNames);
  if (shell === undefined) return undefined;
  const script = `printf %s '${file.content}' > '${file.path}'`;
  return { name: shell.name, input: JSON.stringify(inputFor(fieldsOf(shell.schema), { script })) };
}

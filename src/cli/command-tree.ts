import type { ArgsDef, CommandDef, CommandMeta } from "citty";
import { nearest } from "../lib/nearest.ts";
import { commands } from "./commands.ts";
import { usageError } from "./output.ts";

/** A command whose lazy parts are loaded. */
export interface LoadedCommand {
  readonly command: CommandDef;
  /** One line, then the examples. */
  readonly description: string;
  readonly args: ArgsDef;
  /** Name → what it does; empty for a command without sub-commands. */
  readonly subCommands: ReadonlyMap<string, string>;
}

export interface FoundCommand extends LoadedCommand {
  /** What follows the command's words. */
  readonly rawArgs: readonly string[];
}

type Resolvable<T> = T | Promise<T> | (() => T | Promise<T>);
type Children = Readonly<Record<string, Resolvable<CommandDef>>>;

async function resolved<T>(value: Resolvable<T> | undefined, fallback: T): Promise<T> {
  const result = typeof value === "function" ? (value as () => T | Promise<T>)() : value;
  return (await result) ?? fallback;
}

async function descriptionOf(command: CommandDef): Promise<string> {
  const meta = await resolved<CommandMeta>(command.meta, {});
  return meta.description ?? "";
}

async function childrenOf(command: CommandDef): Promise<Children> {
  return resolved<Children>(command.subCommands, {});
}

async function loadParts(command: CommandDef, examples: string | undefined): Promise<LoadedCommand> {
  const subCommands = new Map<string, string>();
  for (const [name, child] of Object.entries(await childrenOf(command))) {
    const [summary = ""] = (await descriptionOf(await resolved(child, {}))).split("\n");
    subCommands.set(name, summary);
  }
  const description = await descriptionOf(command);
  const hasExamples = examples === undefined || description.includes("Examples:");
  return {
    command,
    description: hasExamples ? description : `${description}\n\nExamples:\n${examples}`,
    args: await resolved<ArgsDef>(command.args, {}),
    subCommands,
  };
}

function unknownCommand(words: readonly string[], name: string, known: readonly string[]): Error {
  const suggestion = nearest(name, known);
  const full = ["orcestator", ...words, suggestion].join(" ");
  const hint = suggestion === undefined ? `there are ${known.join(", ")}` : `did you mean '${full}'?`;
  return usageError(`unknown command '${name}'; ${hint}`);
}

export function isHelpFlag(token: string | undefined): boolean {
  return token === "--help" || token === "-h";
}

async function descend(loaded: LoadedCommand, rawArgs: readonly string[], words: string[]): Promise<FoundCommand> {
  const [first, ...rest] = rawArgs;
  if (loaded.subCommands.size === 0 || isHelpFlag(first)) return { ...loaded, rawArgs };
  // A command that does something itself takes other words as its own.
  if (loaded.command.run !== undefined && !loaded.subCommands.has(first ?? "")) return { ...loaded, rawArgs };
  const known = [...loaded.subCommands.keys()];
  if (first === undefined) {
    throw usageError(`say what to do: ${known.map((name) => ["orcestator", ...words, name].join(" ")).join(", ")}`);
  }
  if (!loaded.subCommands.has(first)) throw unknownCommand(words, first, known);
  words.push(first);
  const child = (await childrenOf(loaded.command))[first];
  return descend(await loadParts(await resolved(child, {}), undefined), rest, words);
}

/** The command that the first arguments name. The words that do are added to `words`, also when it throws. */
export async function findCommand(rawArgs: readonly string[], words: string[]): Promise<FoundCommand> {
  const [first = "", ...rest] = rawArgs;
  const found = Object.entries(commands).find(([name, { aliases }]) => name === first || aliases?.includes(first));
  if (found === undefined) throw unknownCommand([], first, Object.keys(commands));
  const [name, { load, examples }] = found;
  words.push(name);
  return descend(await loadParts((await load()).default as CommandDef, examples), rest, words);
}

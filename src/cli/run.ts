import { runCommand, type ArgsDef, type CommandDef, type CommandMeta } from "citty";
import { nearest } from "../lib/nearest.ts";
import { version } from "../version.ts";
import { checkFlags } from "./check-flags.ts";
import { commands } from "./commands.ts";
import { renderHelp, type LoadedCommand } from "./help.ts";
import { CliError, palette, print, usageError } from "./output.ts";

const rootDescription = `One executable LLM gateway: any client in, any provider out

Examples:
  orcestator init                 set up once
  orcestator serve                start the gateway
  orcestator serve --demo         look around without an API key
  orcestator serve --help         help of one command`;

type Resolvable<T> = T | Promise<T> | (() => T | Promise<T>);

async function resolved<T>(value: Resolvable<T> | undefined, fallback: T): Promise<T> {
  const result = typeof value === "function" ? (value as () => T | Promise<T>)() : value;
  return (await result) ?? fallback;
}

async function descriptionOf(command: CommandDef): Promise<string> {
  const meta = await resolved<CommandMeta>(command.meta, {});
  return meta.description ?? "";
}

async function loadParts(command: CommandDef): Promise<LoadedCommand> {
  const children = await resolved<Record<string, Resolvable<CommandDef>>>(command.subCommands, {});
  const subCommands = new Map<string, string>();
  for (const [name, child] of Object.entries(children)) {
    const [summary = ""] = (await descriptionOf(await resolved(child, {}))).split("\n");
    subCommands.set(name, summary);
  }
  return {
    command,
    description: await descriptionOf(command),
    args: await resolved<ArgsDef>(command.args, {}),
    subCommands,
  };
}

function unknownCommand(name: string, known: readonly string[], parent: string): Error {
  const suggestion = nearest(name, known);
  const hint = suggestion === undefined ? `there are ${known.join(", ")}` : `did you mean '${parent} ${suggestion}'?`;
  return usageError(`unknown command '${name}'; ${hint}`);
}

function isHelp(token: string | undefined): boolean {
  return token === "--help" || token === "-h";
}

function wantsHelp(rawArgs: readonly string[]): boolean {
  const end = rawArgs.indexOf("--");
  return (end === -1 ? rawArgs : rawArgs.slice(0, end)).some(isHelp);
}

/** The command itself, or the sub-command that the first argument names. */
async function descend(
  name: string,
  command: CommandDef,
  rawArgs: readonly string[],
): Promise<[string, LoadedCommand, string[]]> {
  const loaded = await loadParts(command);
  const [first, ...rest] = rawArgs;
  if (loaded.subCommands.size === 0) return [name, loaded, [...rawArgs]];
  if (first === undefined) {
    throw usageError(`say what to do: ${[...loaded.subCommands.keys()].map((key) => `${name} ${key}`).join(", ")}`);
  }
  if (isHelp(first)) return [name, loaded, [...rawArgs]];
  const children = await resolved<Record<string, Resolvable<CommandDef>>>(command.subCommands, {});
  if (!Object.hasOwn(children, first)) throw unknownCommand(first, [...loaded.subCommands.keys()], name);
  return descend(`${name} ${first}`, await resolved(children[first], {}), rest);
}

function rootHelp(): string {
  const subCommands = new Map(
    Object.entries(commands).map(([name, { summary, aliases = [] }]) => [[name, ...aliases].join(", "), summary]),
  );
  const args: ArgsDef = { version: { type: "boolean", alias: "v", description: "Show the version" } };
  return renderHelp("orcestator", { command: {}, description: rootDescription, args, subCommands }, palette());
}

function findEntry(name: string): [string, () => Promise<{ default: unknown }>] {
  for (const [key, { aliases = [], load }] of Object.entries(commands)) {
    if (key === name || aliases.includes(name)) return [key, load];
  }
  throw unknownCommand(name, Object.keys(commands), "orcestator");
}

async function dispatch(rawArgs: readonly string[]): Promise<void> {
  const [first, ...rest] = rawArgs;
  if (first === undefined)
    throw usageError("say what to do, e.g. orcestator serve; orcestator --help lists everything");
  if (isHelp(first) || first === "help") return print(rootHelp());
  if (first === "--version" || first === "-v") return print(version);
  if (first.startsWith("-"))
    throw usageError(`unknown flag ${first}; flags come behind a command, e.g. orcestator serve --port 9000`);
  const [name, load] = findEntry(first);
  const entry = (await load()).default as CommandDef;
  const [fullName, loaded, ownArgs] = await descend(`orcestator ${name}`, entry, rest);
  if (wantsHelp(ownArgs)) return print(renderHelp(fullName, loaded, palette()));
  checkFlags(ownArgs, loaded.args);
  await runCommand(loaded.command, { rawArgs: ownArgs });
}

/** Expected failures end as one message on stderr and an exit code: 2 = called wrongly, 1 = could not do its work. */
async function fail(error: unknown, command: string): Promise<void> {
  const { reportOutcome } = await import("./report-outcome.ts");
  const isParserError = error instanceof Error && error.name === "CLIError";
  const known = isParserError ? new CliError(Bun.stripANSI(error.message), 2) : error;
  await reportOutcome(command, () => {
    throw known;
  });
}

/** The whole command line: `rawArgs` without executable and script. Sets `process.exitCode`. */
export async function run(rawArgs: readonly string[]): Promise<void> {
  try {
    await dispatch(rawArgs);
  } catch (error) {
    const command = rawArgs.filter((token) => /^[a-z]/.test(token)).slice(0, rawArgs[0] === "config" ? 2 : 1);
    await fail(error, command.join(" "));
  }
}

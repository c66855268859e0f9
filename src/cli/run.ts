import { runCommand } from "citty";
import { version } from "../version.ts";
import { checkFlags } from "./check-flags.ts";
import { findCommand, isHelpFlag, type LoadedCommand } from "./command-tree.ts";
import { commands } from "./commands.ts";
import { renderHelp } from "./help.ts";
import { CliError, palette, print, printNote, usageError, watchOutput } from "./output.ts";

const rootDescription = `One executable LLM gateway: any client in, any provider out

Examples:
  orcestator init            set up once
  orcestator serve           start the gateway
  orcestator serve --demo    look around without an API key
  orcestator serve --help    all about one command`;

function rootCommand(): LoadedCommand {
  const subCommands = new Map(
    Object.entries(commands).map(([name, { summary, aliases = [] }]) => [[name, ...aliases].join(", "), summary]),
  );
  const args = { version: { type: "boolean", alias: "v", description: "Show the version" } } as const;
  return { command: {}, description: rootDescription, args, subCommands };
}

function wantsHelp(rawArgs: readonly string[]): boolean {
  const end = rawArgs.indexOf("--");
  return (end === -1 ? rawArgs : rawArgs.slice(0, end)).some(isHelpFlag);
}

async function dispatch(rawArgs: readonly string[], words: string[]): Promise<void> {
  const [first] = rawArgs;
  if (first === undefined) throw usageError("say what to do, e.g. orcestator serve");
  if (isHelpFlag(first) || first === "help") return print(renderHelp("orcestator", rootCommand(), palette()));
  if (first === "--version" || first === "-v") return print(version);
  if (first.startsWith("-")) {
    throw usageError(`unknown flag ${first}; flags come behind a command, e.g. orcestator serve --port 9000`);
  }
  const found = await findCommand(rawArgs, words);
  if (wantsHelp(found.rawArgs)) return print(renderHelp(["orcestator", ...words].join(" "), found, palette()));
  checkFlags(found.rawArgs, found.args);
  // Its sub-commands have been looked for already.
  await runCommand({ ...found.command, subCommands: {} }, { rawArgs: [...found.rawArgs] });
}

/** Expected failures end as one message on stderr and an exit code: 2 = called wrongly, 1 = could not do its work. */
async function fail(error: unknown, words: readonly string[]): Promise<void> {
  // The argument parser's own complaints; the rest is found by checkFlags before.
  const isParserError = error instanceof Error && error.name === "CLIError";
  const known = isParserError ? usageError(Bun.stripANSI(error.message)) : error;
  if (words.length === 0 && known instanceof CliError) {
    printNote(`${palette(process.stderr).red("error")}: ${known.message}\nSee: orcestator --help`);
    process.exitCode = known.exitCode;
    return;
  }
  const { reportOutcome } = await import("./report-outcome.ts");
  await reportOutcome(words.join(" "), () => {
    throw known;
  });
}

/** The whole command line: `rawArgs` without executable and script. Sets `process.exitCode`; only bugs are thrown. */
export async function run(rawArgs: readonly string[]): Promise<void> {
  const words: string[] = [];
  watchOutput();
  try {
    await dispatch(rawArgs, words);
  } catch (error) {
    await fail(error, words);
  }
}

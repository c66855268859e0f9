import { ConfigError } from "../config/load.ts";
import { GatewayError } from "../errors.ts";
import { CliError, createPalette, hasColor, printNote } from "./output.ts";

/** Runs a command; an expected failure becomes one message on stderr and an exit code, a bug keeps its stack. */
export async function reportOutcome(command: string, task: () => void | Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!(error instanceof CliError || error instanceof ConfigError || error instanceof GatewayError)) throw error;
    const { red } = createPalette(hasColor(process.stderr));
    const exitCode = error instanceof CliError ? error.exitCode : 1;
    const hint = exitCode === 2 ? `\nSee: orcestator ${command} --help` : "";
    printNote(`${red("error")}: ${error.message}${hint}`);
    process.exitCode = exitCode;
  }
}

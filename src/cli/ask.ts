import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { maskSecret } from "../config/redact.ts";
import { CliError, palette, print, printNote, usageError } from "./output.ts";

export interface TextQuestion {
  readonly message: string;
  /** Taken when the answer is empty. */
  readonly fallback?: string | undefined;
  /** What is typed does not appear; a mask of it does afterwards. */
  readonly isSecret?: boolean;
  readonly mask?: (answer: string) => string;
}

function cancelled(): CliError {
  return new CliError("cancelled; nothing was written");
}

/**
 * Asks for one line at the terminal. Ctrl+C and the end of input throw. Not consola's prompts: they hang on a terminal
 * stream's `_write`, which Bun 1.4.4 does not call, so texts are always answered with the default and keys are echoed
 * over the picture.
 */
function askText({ message, fallback = "", isSecret = false, mask = maskSecret }: TextQuestion): Promise<string> {
  const { cyan, gray } = palette();
  const hint = fallback === "" ? "" : gray(` (${fallback})`);
  const question = `${cyan("?")} ${message}${hint} `;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isSecret ? silent : process.stdout;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reader = createInterface({ input: process.stdin, output, terminal: true });
  if (isSecret) process.stdout.write(question);
  reader.on("SIGINT", () => reader.close());
  // Closing behind an answer changes nothing any more.
  reader.on("close", () => reject(cancelled()));
  reader.question(isSecret ? "" : question, (line) => {
    const answer = line.trim();
    resolve(answer === "" ? fallback : answer);
    if (isSecret) process.stdout.write(`${mask(answer)}\n`);
    reader.close();
  });
  return promise;
}

/** Asks until `accept` takes the answer; what it throws is shown. */
export async function askUntil<T>(question: TextQuestion, accept: (answer: string) => T): Promise<T> {
  for (;;) {
    const answer = await askText(question);
    try {
      return accept(answer);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      printNote(palette(process.stderr).yellow(error.message));
    }
  }
}

export interface Choice<T> {
  readonly value: T;
  readonly label: string;
}

/** Asks for the number of a choice; the first one is taken when the answer is empty. */
export async function askChoice<T>(message: string, choices: readonly Choice<T>[]): Promise<T> {
  const { cyan } = palette();
  print(`${cyan("?")} ${message}`);
  for (const [index, { label }] of choices.entries()) print(`  ${cyan(`${index + 1})`)} ${label}`);
  const question = { message: `Number from 1 to ${choices.length}:`, fallback: "1" };
  const chosen = await askUntil(question, (answer) => {
    const choice = choices[Number(answer) - 1];
    if (choice === undefined) throw usageError(`write a number from 1 to ${choices.length}`);
    return choice;
  });
  return chosen.value;
}

/** Asks for yes or no; everything but yes is no. */
export async function askYes(message: string): Promise<boolean> {
  return /^(?:y|yes|д|да)$/i.test(await askText({ message: `${message} [y/N]` }));
}

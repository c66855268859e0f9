import { askUntil } from "./ask.ts";
import { usageError } from "./output.ts";

const shortest = 8;

function checked(password: string): string {
  if (password.length >= shortest) return password;
  throw usageError(`a password has at least ${shortest} characters`);
}

/** Asks at the terminal, or reads the first line of the standard input. */
export async function readPassword(message: string): Promise<string> {
  // Nothing of it is shown: people use their passwords elsewhere, too.
  if (process.stdin.isTTY) return askUntil({ message, isSecret: true, mask: () => "…" }, checked);
  const [line = ""] = (await Bun.stdin.text()).split(/\r?\n/);
  return checked(line);
}

import { commandOf } from "../support/gateway.ts";

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  /** The whole environment besides PATH and NO_COLOR. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed, or piped, into it. */
  readonly stdin?: string;
}

/** Runs the command line in a process of its own, without a terminal. */
export async function runCli(args: readonly string[], { cwd, env = {}, stdin }: CliOptions): Promise<CliResult> {
  const child = Bun.spawn({
    cmd: [...commandOf(), ...args],
    cwd,
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", ...env },
    stdin: stdin === undefined ? "ignore" : new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

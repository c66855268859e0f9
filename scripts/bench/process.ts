import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";

export const repository = resolve(import.meta.dir, "../..");

/** Gateways run alone on core 0; mock and load share core 1, for the direct party too. */
export const gatewayCore = 0;
export const loadCore = 1;

/** Processes of this run that live now. */
const running = new Set<number>();

export interface Started {
  readonly pid: number;
  readonly process: Subprocess<"ignore", "pipe", "inherit" | Bun.BunFile>;
  /** Ends this process and waits for it. */
  stop(): Promise<void>;
}

export interface StartOptions {
  core: number;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** File for its standard error; default: where ours goes. */
  errorFile?: string;
}

/** Starts a command bound to one core. `taskset` replaces itself, so the pid is the command's own. */
export function start(command: readonly string[], { core, env = {}, cwd, errorFile }: StartOptions): Started {
  const child = Bun.spawn({
    cmd: ["taskset", "-c", String(core), ...command],
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: errorFile === undefined ? "inherit" : Bun.file(errorFile),
    ...(cwd !== undefined && { cwd }),
  });
  running.add(child.pid);
  void child.exited.then(() => running.delete(child.pid));
  return {
    pid: child.pid,
    process: child,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await child.exited;
      clearTimeout(timer);
    },
  };
}

/** Reads the process's output until it matches, then goes on draining it so that the process never blocks. */
export async function waitForOutput(started: Started, pattern: RegExp): Promise<RegExpExecArray> {
  const { promise, resolve: found, reject } = Promise.withResolvers<RegExpExecArray>();
  const read = async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of started.process.stdout) {
      if (text.length < 100_000) text += decoder.decode(bytes, { stream: true });
      const match = pattern.exec(text);
      if (match !== null) found(match);
    }
    reject(new Error(`the process ended without ${pattern}; it said: ${text}`));
  };
  void read().catch(reject);
  return promise;
}

export async function runScript(script: string, args: readonly string[], core: number): Promise<string> {
  const started = start([process.execPath, join(import.meta.dir, script), ...args], { core });
  const output = await new Response(started.process.stdout).text();
  const exitCode = await started.process.exited;
  if (exitCode !== 0) throw new Error(`${script} ${args.join(" ")} ended with ${exitCode}`);
  return output;
}

/** CPU time of all threads that a process has now, in milliseconds. */
export function cpuMs(pid: number): number {
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // The thread ended between the listing and the reading.
    }
  }
  return total / 1e6;
}

/** Resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** CPU time in clock ticks (10 ms) that this run has used so far, ended children included. */
export function ownTicks(): number {
  let total = 0;
  for (const pid of [process.pid, ...running]) {
    try {
      // The name in brackets may hold spaces; the numbers begin behind it.
      const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "").split(" ").map(Number);
      const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
      total += user + system + endedUser + endedSystem;
    } catch {
      // Ended in between; its time is then in ours.
    }
  }
  return total;
}

import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";

export interface GatewayOptions {
  /** Added to an otherwise empty environment; `undefined` removes a default. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Becomes `orcestator.yaml` in the working directory. */
  configText?: string;
  /** Further arguments of `serve`; `--port 0` and `--metrics-port 0` are added unless given here. */
  args?: readonly string[];
  /** A compiled executable; default `ORCESTATOR_BINARY`, else the sources. */
  binary?: string;
  /** What runs is a copy of the executable, which is made at this path. */
  copyAt?: string;
}

export interface TrafficLine {
  timestamp: string;
  user: string;
  assistant: string;
  promptTokens: string;
  completionTokens: string;
  latencyMs: string;
  model: string;
  originalModel: string;
}

/** A gateway in a process of its own, in a fresh working directory and home. */
export interface Gateway extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  readonly pid: number;
  readonly cwd: string;
  readonly trafficLog: string;
  stdout(): string;
  stderr(): string;
  /** Waits until the output (both streams) matches. */
  waitForOutput(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits until the traffic log has at least `count` lines that match, and returns those. */
  trafficLines(count: number, matches?: (line: TrafficLine) => boolean): Promise<TrafficLine[]>;
  signal(name: NodeJS.Signals): void;
  readonly exited: Promise<number>;
  /** Ends the process (SIGTERM, then SIGKILL after five seconds) and removes its directory. */
  stop(): Promise<number>;
}

const repository = resolve(import.meta.dir, "../..");
const patience = 10_000;

// Where the system can do it, a gateway dies with the test run, so that a run that is cut short leaves none behind.
const setpriv = process.platform === "linux" ? Bun.which("setpriv") : null;
const prefix = setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL"];

export function commandOf(binary = process.env["ORCESTATOR_BINARY"]): string[] {
  if (binary !== undefined && binary !== "") return [...prefix, resolve(binary)];
  return [...prefix, process.execPath, join(repository, "src/main.ts")];
}

function environment(home: string, changes: GatewayOptions["env"] = {}): Record<string, string> {
  const defaults = { PATH: process.env["PATH"], HOME: home, NO_COLOR: "1", OR_API_KEY: "sk-or-test" };
  const merged = Object.entries({ ...defaults, ...changes });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The same, but for the executable: a copy of it. */
async function copyOf(command: readonly string[], path: string): Promise<string[]> {
  const executable = command[prefix.length] ?? "";
  await copyFile(executable, path);
  return command.map((word) => (word === executable ? path : word));
}

/** Keeps a process's output and wakes whoever waits for a text in it. */
function createOutput(child: Subprocess<"ignore", "pipe", "pipe">) {
  const texts = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  async function read(name: "stdout" | "stderr"): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of child[name]) {
      texts[name] += decoder.decode(bytes, { stream: true });
      for (const listener of listeners) listener();
    }
  }
  const finished = Promise.all([read("stdout"), read("stderr"), child.exited]);
  const everything = () => `${texts.stdout}\n${texts.stderr}`;
  return {
    texts,
    finished,
    async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
      const { promise, resolve: found, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = () => {
        const match = pattern.exec(everything());
        if (match !== null) found(match);
      };
      const fail = (why: string) =>
        reject(new Error(`${why} while waiting for ${pattern}; its output:\n${everything()}`));
      const timer = setTimeout(() => fail("timed out"), patience);
      listeners.add(look);
      void finished.then(() => fail("the process ended"), fail);
      look();
      try {
        return await promise;
      } finally {
        listeners.delete(look);
        clearTimeout(timer);
      }
    },
  };
}

/** A pipe in content is written `\|`, so ` | ` can only be the separator. The fields keep their escapes. */
function parseTrafficLine(line: string): TrafficLine {
  const fields = line.split(" | ");
  if (fields.length !== 8) throw new Error(`${fields.length} fields instead of 8 in the traffic log: ${line}`);
  const [timestamp = "", user = "", assistant = "", promptTokens = "", completionTokens = "", latencyMs = ""] = fields;
  const [model = "", originalModel = ""] = fields.slice(6);
  return { timestamp, user, assistant, promptTokens, completionTokens, latencyMs, model, originalModel };
}

async function readTraffic(path: string): Promise<TrafficLine[]> {
  const file = Bun.file(path);
  if (!(await file.exists())) return [];
  const lines = (await file.text()).split("\n").slice(0, -1);
  return lines.filter((line) => /^\d{4}-/.test(line)).map(parseTrafficLine);
}

async function waitForTraffic(
  path: string,
  wanted: { count: number; matches: (line: TrafficLine) => boolean },
): Promise<TrafficLine[]> {
  const deadline = performance.now() + patience / 2;
  for (;;) {
    const lines = (await readTraffic(path)).filter(wanted.matches);
    if (lines.length >= wanted.count) return lines;
    if (performance.now() > deadline) throw new Error(`${lines.length} of ${wanted.count} lines in ${path} in time`);
    await Bun.sleep(20);
  }
}

function serveArguments(given: readonly string[] = []): string[] {
  const defaults = ["--port", "--metrics-port"].filter((name) => !given.includes(name)).flatMap((name) => [name, "0"]);
  return [...defaults, ...given];
}

/** Starts `orcestator serve` on a free port and waits until it says where it listens. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const home = await mkdtemp(join(tmpdir(), "orcestator-e2e-"));
  const cwd = join(home, "work");
  await mkdir(cwd);
  if (options.configText !== undefined) await writeFile(join(cwd, "orcestator.yaml"), options.configText);
  const { binary, copyAt } = options;
  const command = copyAt === undefined ? commandOf(binary) : await copyOf(commandOf(binary), copyAt);
  const child = Bun.spawn({
    cmd: [...command, "serve", ...serveArguments(options.args)],
    cwd,
    env: environment(home, options.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = createOutput(child);

  async function stop(): Promise<number> {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await output.finished;
    clearTimeout(timer);
    await rm(home, { recursive: true, force: true });
    return child.exited;
  }

  let url: string;
  try {
    [url] = await output.waitFor(/https?:\/\/[^\s]+\/v1/);
  } catch (error) {
    await stop();
    throw error;
  }
  const { origin, port } = new URL(url);
  const trafficLog = join(cwd, "logs/traffic.log");
  return {
    url,
    origin,
    port: Number(port),
    pid: child.pid,
    cwd,
    trafficLog,
    stdout: () => output.texts.stdout,
    stderr: () => output.texts.stderr,
    waitForOutput: (pattern) => output.waitFor(pattern),
    trafficLines: (count, matches = () => true) => waitForTraffic(trafficLog, { count, matches }),
    signal: (name) => child.kill(name),
    exited: child.exited,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

/** Runs a command of the executable to its end, in a fresh directory. */
export async function runCommand(
  args: readonly string[],
  env: GatewayOptions["env"] = {},
): Promise<{ exitCode: number; stdout: string; stderr: string; elapsedMs: number }> {
  const home = await mkdtemp(join(tmpdir(), "orcestator-e2e-"));
  const startedAt = performance.now();
  const child = Bun.spawn({
    cmd: [...commandOf(), ...args],
    cwd: home,
    env: environment(home, env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), patience);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  await rm(home, { recursive: true, force: true });
  return { exitCode, stdout, stderr, elapsedMs: performance.now() - startedAt };
}

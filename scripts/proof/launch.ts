/** A started gateway that has said where it listens. */
export interface LaunchedGateway {
  /** Without a path: `http://127.0.0.1:8000`. */
  url: string;
  /** From the start of the process until it said that it listens. */
  startupMs: number;
  pid: number;
  /** Both output streams so far. */
  output(): string;
  /**
   * Sends a signal to the process that was started, or to those it runs the gateway in, and resolves to the exit code.
   * Kills after 10 seconds, and then the code is not 0.
   */
  stop(signal: NodeJS.Signals, processIds?: readonly number[]): Promise<number>;
}

export interface LaunchOptions {
  command: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

const apiLine = /^\s*API\s+(https?:\/\/\S+)\/v1\s*$/m;

/** Starts `orcestator serve …` and waits for the line of its banner that names the API's URL. */
export async function launchGateway(options: LaunchOptions): Promise<LaunchedGateway> {
  const startedAt = performance.now();
  const child = Bun.spawn([...options.command], {
    cwd: options.cwd,
    env: { NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const announced = Promise.withResolvers<string>();
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      const url = apiLine.exec(output)?.[1];
      if (url !== undefined) announced.resolve(url);
    }
  };
  void Promise.all([collect(child.stdout), collect(child.stderr)]).then(() =>
    announced.reject(new Error(`It ended without saying where it listens:\n${output}`)),
  );
  const timeoutMs = options.timeoutMs ?? 20_000;
  const timer = setTimeout(() => {
    announced.reject(new Error(`It did not say where it listens within ${timeoutMs} ms:\n${output}`));
  }, timeoutMs);
  try {
    const url = await announced.promise;
    const startupMs = performance.now() - startedAt;
    return { url, startupMs, pid: child.pid, output: () => output, stop: (...how) => stop(child, ...how) };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function stop(
  child: Bun.Subprocess,
  signal: NodeJS.Signals,
  processIds: readonly number[] = [child.pid],
): Promise<number> {
  for (const id of processIds) process.kill(id, signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const code = await child.exited;
  clearTimeout(timer);
  return code;
}

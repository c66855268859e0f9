/** Bun reads these from the real environment at start; setting them later does nothing. */
const needed: Readonly<Record<string, string>> = {
  // Bun sends 256 requests at a time by default: the 257th stream would wait until another one ends.
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
  // Milliseconds until freed memory goes back to the system: the usual ones fetch it back with the next requests.
  MIMALLOC_PURGE_DELAY: "10000",
};

/** Would print every request with its credentials. */
const unwanted = ["BUN_CONFIG_VERBOSE_FETCH"] as const;

/** How this program was called, for its executable. */
export function ownArguments(): string[] {
  const script = process.argv[1] ?? "";
  const isCompiled = script.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN[\\/]/i.test(script);
  return isCompiled ? process.argv.slice(2) : process.argv.slice(1);
}

/** A process of its own on Windows, which knows no exec; it ends when this one does, and this one with it. */
async function runChild(env: Record<string, string | undefined>): Promise<never> {
  const child = Bun.spawn([process.execPath, ...ownArguments()], {
    env,
    stdio: ["inherit", "inherit", "inherit"],
    ipc: () => undefined,
  });
  // Ctrl+C reaches the child by itself: both share the console.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill());
  process.exit(await child.exited);
}

/** Starts this program again, once, when Bun's own settings are not as they must be. Returns when they are. */
export async function ensureRealEnvironment(): Promise<void> {
  const isReady =
    Object.keys(needed).every((name) => process.env[name] !== undefined) &&
    unwanted.every((name) => process.env[name] === undefined);
  if (isReady) return;
  const env: Record<string, string | undefined> = { ...needed, ...process.env };
  for (const name of unwanted) delete env[name];
  if (process.platform === "win32") await runChild(env);
  process.execve?.(process.execPath, [process.argv0, ...ownArguments()], env);
}

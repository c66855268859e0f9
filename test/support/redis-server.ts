import { tmpdir } from "node:os";
import { asNobody, freePort, missing } from "./database-servers.ts";

/** A real Redis on a port of its own, which keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  /** Stands still, with its connections. */
  freeze(): void;
  thaw(): void;
  /** Dies at once, as in a crash; what it knew is lost. */
  kill(): Promise<void>;
  /** Ends in an orderly way. */
  shutDown(): Promise<void>;
  /** Starts again after that, empty. */
  start(): Promise<void>;
  /** What a command answers, asked past the gateway. */
  ask(command: string, ...words: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  readonly password?: string | undefined;
}

async function untilUp(ask: () => Promise<unknown>, isAlive: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 10_000;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (Date.now() > giveUpAt || !isAlive()) throw error;
      await Bun.sleep(10);
    }
  }
}

/** `undefined` where Redis is not installed, which is said loudly; with `CI=true` it throws instead. */
export async function startRedisServer({ password }: RedisServerOptions = {}): Promise<RedisServer | undefined> {
  const executable = Bun.which("redis-server");
  if (executable === null) return missing({ name: "Redis", packageName: "redis-server" });
  const port = freePort();
  const user = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  const url = `redis://${user}127.0.0.1:${port}`;
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  if (password !== undefined) settings.push("--requirepass", password);
  let child: Bun.Subprocess | undefined;

  async function ask(command: string, ...words: string[]): Promise<unknown> {
    const client = new Bun.RedisClient(url, { autoReconnect: false, connectionTimeout: 1000 });
    try {
      await client.connect();
      return (await client.send(command, words)) as unknown;
    } finally {
      client.close();
    }
  }

  async function start(): Promise<void> {
    const command = asNobody([executable ?? "redis-server", ...settings]);
    const started = Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"], cwd: tmpdir() });
    child = started;
    await untilUp(
      () => ask("PING"),
      () => started.exitCode === null,
    );
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    child?.kill(signal);
    await child?.exited;
    child = undefined;
  }

  await start();
  return {
    url,
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    kill: () => end("SIGKILL"),
    shutDown: () => end("SIGTERM"),
    start,
    ask,
    async stop() {
      await end("SIGKILL");
    },
  };
}

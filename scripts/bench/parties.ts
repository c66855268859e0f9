import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gatewayCore, loadCore, repository, start, waitForOutput, type Started } from "./process.ts";

export const clientKey = "sk-bench-client";

/** Something that answers chat requests. `pid` is undefined where there is no process between client and mock. */
export interface Party {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
  /** What its clients present; the bench's own key where it is left out. */
  readonly key?: string | undefined;
}

export interface GatewayOptions {
  readonly configText?: string;
  readonly port?: number;
  /** Over those of the bench; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Bench {
  /** Chat URL of the mock. */
  readonly mock: string;
  readonly gatewayCommand: readonly string[];
  readonly direct: Party;
  readonly rawJson: Party;
  readonly bytes: Party;
  readonly gateway: Party;
  /** A second gateway or mock, stopped with the rest. */
  startGateway(options?: GatewayOptions): Promise<Party & Started>;
  startMock(): Promise<string>;
  stop(): Promise<void>;
}

/** `…/v1` of a chat URL. */
export function baseUrl(chatUrl: string): string {
  return chatUrl.replace("/chat/completions", "");
}

/** The compiled executable; the sources where it has not been built (start-up and memory are then not its own). */
function gatewayCommandFrom(binary: string | undefined): string[] {
  const compiled = resolve(
    binary ?? join(repository, `dist/orcestator-linux-${process.arch === "arm64" ? "arm64" : "x64"}`),
  );
  if (existsSync(compiled)) return [compiled];
  if (binary !== undefined) throw new Error(`No executable at ${compiled}; build it with: bun run build linux-x64`);
  return [process.execPath, join(repository, "src/main.ts")];
}

/** Everything on: key check, traffic log, audit database, JSONL, metrics, rewriting of the model's name. */
function gatewayEnvironment(mock: string, home: string): Record<string, string> {
  return {
    HOME: home,
    OR_API_KEY: "sk-bench",
    OR_BASE_URL: baseUrl(mock),
    OR_HOST: "127.0.0.1",
    OR_DB_PATH: join(home, "audit.db"),
    OR_METRICS_DIR: join(home, "metrics"),
    ORCH_INBOUND_API_KEYS: clientKey,
  };
}

function withChanges(env: Record<string, string>, changes: GatewayOptions["env"] = {}): Record<string, string> {
  const merged = Object.entries({ ...env, ...changes });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const script = (name: string) => [process.execPath, join(import.meta.dir, name)];

export async function startBench(binary: string | undefined): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), "orcestator-bench-"));
  const running: Started[] = [];
  const gatewayCommand = gatewayCommandFrom(binary);

  async function startMock(): Promise<string> {
    const started = start(script("mock.ts"), { core: loadCore });
    running.push(started);
    const [port] = await waitForOutput(started, /\d+/);
    return `http://127.0.0.1:${port}/api/v1/chat/completions`;
  }
  async function startProxy(name: string): Promise<Party> {
    // As many parallel fetches as the gateway allows itself.
    const env = { BUN_CONFIG_MAX_HTTP_REQUESTS: "16384" };
    const started = start([...script(`${name}-proxy.ts`), mock], { core: gatewayCore, env });
    running.push(started);
    const [port] = await waitForOutput(started, /\d+/);
    return { name, url: `http://127.0.0.1:${port}/v1/chat/completions`, pid: started.pid };
  }
  async function startGateway(options: GatewayOptions = {}): Promise<Party & Started> {
    const cwd = join(root, `gateway-${running.length}`);
    await mkdir(cwd);
    if (options.configText !== undefined) await writeFile(join(cwd, "orcestator.yaml"), options.configText);
    const args = ["serve", "--port", String(options.port ?? 0), "--metrics-port", "0"];
    const started = start([...gatewayCommand, ...args], {
      core: gatewayCore,
      cwd,
      env: withChanges(gatewayEnvironment(mock, cwd), options.env),
      errorFile: join(cwd, "console.log"),
    });
    running.push(started);
    const [url] = await waitForOutput(started, /https?:\/\/[^\s]+\/v1/);
    return { ...started, name: "orcestator", url: `${url}/chat/completions` };
  }

  const mock = await startMock();
  async function stop(): Promise<void> {
    await Promise.all(running.map((started) => started.stop()));
    await rm(root, { recursive: true, force: true });
  }
  try {
    return {
      mock,
      gatewayCommand,
      direct: { name: "direct", url: mock, pid: undefined },
      rawJson: await startProxy("raw-json"),
      bytes: await startProxy("bytes"),
      gateway: await startGateway(),
      startGateway,
      startMock,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

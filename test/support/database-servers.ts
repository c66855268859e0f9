import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificate, privateKey } from "./certificate.ts";

/** A real database server in a folder of its own, on a port of its own. */
export interface DatabaseServer {
  /** URL of a new empty database. */
  createDatabase(): Promise<string>;
  /** All processes stand still, with their connections. */
  freeze(): void;
  thaw(): void;
  /** All processes die at once, as in a crash. */
  kill(): Promise<void>;
  /** Starts again after `kill`. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

interface Engine {
  readonly name: string;
  readonly packageName: string;
  readonly executable: string | undefined;
  /** Makes the data folder. */
  readonly install: (folder: string) => string[];
  readonly run: (folder: string, port: number) => string[];
  readonly url: (port: number, database: string) => string;
  readonly adminDatabase: string;
}

/** Where Debian puts servers that are no commands for everybody. */
function executable(...names: string[]): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((left, right) => Number(right) - Number(left)) : [];
  const folders = ["/usr/sbin", "/usr/local/sbin", ...versions.map((version) => join(root, version, "bin"))];
  const PATH = [process.env["PATH"] ?? "", ...folders].join(":");
  return names.map((name) => Bun.which(name, { PATH })).find((path) => path !== null) ?? undefined;
}

const mariadb: Engine = {
  name: "MariaDB",
  packageName: "mariadb-server",
  executable: executable("mariadbd", "mysqld"),
  install: (folder) => [
    executable("mariadb-install-db", "mysql_install_db") ?? "mariadb-install-db",
    "--no-defaults",
    `--datadir=${folder}/data`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ],
  run: (folder, port) => [
    executable("mariadbd", "mysqld") ?? "mariadbd",
    "--no-defaults",
    `--datadir=${folder}/data`,
    `--socket=${folder}/socket`,
    `--port=${port}`,
    // What a process that dies has written is not lost: only a computer that does would lose it.
    "--bind-address=127.0.0.1",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=32M",
    `--ssl-cert=${folder}/certificate`,
    `--ssl-key=${folder}/key`,
  ],
  url: (port, database) => `mysql://root@127.0.0.1:${port}/${database}`,
  adminDatabase: "mysql",
};

const postgres: Engine = {
  name: "PostgreSQL",
  packageName: "postgresql",
  executable: executable("postgres"),
  install: (folder) => [
    executable("initdb") ?? "initdb",
    "-D",
    `${folder}/data`,
    "-U",
    "tester",
    "--auth=trust",
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
  ],
  run: (folder, port) => [
    executable("postgres") ?? "postgres",
    "-D",
    `${folder}/data`,
    "-p",
    String(port),
    "-k",
    "",
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    "fsync=off",
    "-c",
    "ssl=on",
    "-c",
    `ssl_cert_file=${folder}/certificate`,
    "-c",
    `ssl_key_file=${folder}/key`,
    "-c",
    `hba_file=${folder}/who-may-connect`,
  ],
  url: (port, database) => `postgres://tester@127.0.0.1:${port}/${database}`,
  adminDatabase: "postgres",
};

export const databaseEngines = { mariadb, postgres };

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/** PostgreSQL refuses to run as root; and whoever runs it, it ends with this process. */
export function asNobody(command: string[]): string[] {
  const setpriv = Bun.which("setpriv");
  if (setpriv === null) return command;
  const user = isRoot ? [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
  return [setpriv, "--pdeathsig=KILL", ...user, ...command];
}

export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

/** PostgreSQL asks this user alone for a password. */
const whoMayConnect = "host all clerk all scram-sha-256\nhost all all all trust\n";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "orcestator-db-"));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, "certificate"), certificate);
  writeFileSync(join(folder, "key"), privateKey, { mode: 0o600 });
  writeFileSync(join(folder, "who-may-connect"), whoMayConnect);
  if (isRoot) for (const name of [".", "certificate", "key"]) chownSync(join(folder, name), nobody, nobody);
  return folder;
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
        return Number(afterName.split(" ")[1]) === parent;
      } catch {
        return false;
      }
    });
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Bun.SQL(url, { max: 1, connectionTimeout: 2 });
  try {
    await client.unsafe(sql);
  } finally {
    await client.close({ timeout: 0 });
  }
}

async function untilUp(url: string, isAlive: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 30_000;
  for (;;) {
    try {
      await query(url, "SELECT 1");
      return;
    } catch (error) {
      if (Date.now() > giveUpAt || !isAlive()) throw error;
      await Bun.sleep(25);
    }
  }
}

async function startServer(engine: Engine): Promise<DatabaseServer> {
  const folder = makeFolder();
  const port = freePort();
  const adminUrl = engine.url(port, engine.adminDatabase);
  let child: Bun.Subprocess | undefined;
  let databases = 0;

  function processes(): number[] {
    const pid = child?.pid;
    return pid === undefined ? [] : [pid, ...childrenOf(pid)];
  }

  function signal(name: NodeJS.Signals): void {
    for (const pid of processes()) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended by itself.
      }
    }
  }

  async function kill(): Promise<void> {
    signal("SIGKILL");
    await child?.exited;
    child = undefined;
  }

  async function start(): Promise<void> {
    const log = Bun.file(join(folder, "log"));
    child = Bun.spawn(asNobody(engine.run(folder, port)), { stdio: ["ignore", log, log], cwd: folder });
    const started = child;
    await untilUp(adminUrl, () => started.exitCode === null);
  }

  const install = Bun.spawn(asNobody(engine.install(folder)), { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
  const [output, errors] = [new Response(install.stdout).text(), new Response(install.stderr).text()];
  if ((await install.exited) !== 0) throw new Error(`${engine.name}: ${await output}${await errors}`);
  await start();

  return {
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await query(adminUrl, `CREATE DATABASE ${name}`);
      return engine.url(port, name);
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    kill,
    start,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Rows that a statement gives, asked for past the store. */
export async function queryServer(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Bun.SQL(url, { max: 1, connectionTimeout: 5 });
  try {
    return [...((await client.unsafe(sql)) as Record<string, unknown>[])];
  } finally {
    await client.close({ timeout: 0 });
  }
}

/**
 * Starts a server; `undefined` where it is not installed, which is said loudly. Where everything must be tried (`CI=true`) it
 * throws instead.
 */
export async function startDatabaseServer(name: keyof typeof databaseEngines): Promise<DatabaseServer | undefined> {
  const engine = databaseEngines[name];
  if (engine.executable !== undefined) return startServer(engine);
  return missing(engine);
}

/** Says loudly that nothing is tried; throws where everything must be. */
export function missing({ name, packageName }: Pick<Engine, "name" | "packageName">): undefined {
  const message = `${name} is not installed (apt-get install ${packageName})`;
  if (process.env["CI"] === "true") throw new Error(message);
  console.warn(`\n!!!!!! SKIPPED: ${message}: nothing was tried with it !!!!!!\n`);
  return undefined;
}

// Runs the pinned Bun with the given arguments, on a machine that may have only Node (18 or later) and npm.
// Looks for Bun of the exact version on PATH, then in .cache/, else installs it there from the npm registry
// (the package `bun` carries the executable; its version is pinned in package.json).
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir, constants } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.bun;
const cache = join(root, ".cache");
const isWindows = process.platform === "win32";

function versionOf(bun) {
  const probe = spawnSync(bun, ["--version"], { encoding: "utf8", windowsHide: true });
  return probe.status === 0 ? probe.stdout.trim() : undefined;
}

/** Paths inside an install folder; the package calls its executable bun.exe on every system. */
function layout(home) {
  const packageFolder = join(home, "node_modules", "bun");
  return {
    bun: join(packageFolder, "bin", "bun.exe"),
    postinstall: join(packageFolder, "install.js"),
    // `bin` has it under the name `bun` on Windows, `.bin` where executables have no ending.
    path: [join(packageFolder, "bin"), join(home, "node_modules", ".bin")],
  };
}

/** How to start npm without a shell: on Windows a shell would take folder names with spaces apart. */
function npmCommand() {
  const running = process.env.npm_execpath;
  const bundled = join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js");
  if (running !== undefined && basename(running) === "npm-cli.js" && existsSync(running))
    return [process.execPath, running];
  if (isWindows && existsSync(bundled)) return [process.execPath, bundled];
  return [isWindows ? "npm.cmd" : "npm"];
}

function runNpm(folder) {
  const [command, ...first] = npmCommand();
  const options = [
    "--prefix=.",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--include=optional",
    "--ignore-scripts",
    "--loglevel=error",
  ];
  // Without a home folder npm would put its cache into the working directory or fail.
  if (homedir() === "") options.push("--cache=../npm");
  return spawnSync(command, [...first, "install", ...options, `bun@${version}`], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    shell: command === "npm.cmd",
  });
}

/** What the package's install script does. Run by hand, it also works where npm is told to skip such scripts. */
function putExecutableInPlace(home) {
  const { postinstall } = layout(home);
  spawnSync(process.execPath, [postinstall], { cwd: dirname(postinstall), stdio: ["ignore", 2, 2] });
}

/** Installs aside and renames at the end: neither an interrupted nor a parallel run leaves half a Bun behind. */
function installBun(home) {
  console.error(`Installing Bun ${version} into .cache (once)…`);
  const aside = `${home}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    const installed = runNpm(aside);
    if (installed.status === 0) putExecutableInPlace(aside);
    if (versionOf(layout(aside).bun) !== version) return false;
    if (versionOf(layout(home).bun) === version) return true;
    rmSync(home, { recursive: true, force: true });
    renameSync(aside, home);
    return true;
  } catch (error) {
    console.error(String(error));
    return versionOf(layout(home).bun) === version;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function findBun() {
  if (versionOf("bun") === version) return { bun: "bun", path: [] };
  const home = join(cache, `bun-${version}`);
  if (versionOf(layout(home).bun) === version || installBun(home)) return layout(home);
  throw new Error(
    `Could not install Bun ${version} with npm. Check the network and the npm registry, or install it from https://bun.sh and try again.`,
  );
}

/** Like the shell: 128 + signal number for a program that a signal ended. */
function exitCode(code, signal) {
  return code ?? 128 + (constants.signals[signal] ?? 0);
}

/** npm passes a stop signal only to its shell, which ends without a word: the server would stay behind. */
function stopWithShell(child) {
  if (isWindows || process.env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 250);
}

function run(bun, args, env) {
  const child = spawn(bun, args, { cwd: root, stdio: "inherit", env });
  // Ctrl+C in a terminal reaches the child by itself, and a second copy would mean "stop at once" to it.
  const isTerminal = process.stdin.isTTY === true;
  process.on("SIGINT", () => isTerminal || isWindows || child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  if (!isWindows) process.on("SIGHUP", () => child.kill("SIGHUP"));
  child.on("error", (error) => {
    console.error(`Could not start ${bun}: ${error.message}`);
    process.exit(1);
  });
  stopWithShell(child);
  child.on("exit", (code, signal) => process.exit(exitCode(code, signal)));
}

function main() {
  const { bun, path } = findBun();
  // Package scripts call plain `bun`: put ours first.
  const pathName = Object.keys(process.env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  const env = { ...process.env, [pathName]: [...path, process.env[pathName] ?? ""].join(delimiter) };
  if (homedir() === "") env.BUN_INSTALL_CACHE_DIR ??= join(cache, "install");
  // A no-op of some milliseconds when everything is in place.
  const install = spawnSync(bun, ["install", "--frozen-lockfile", "--silent"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env,
  });
  if (install.status !== 0) throw new Error("'bun install' failed. Check the network and the npm registry.");
  run(bun, process.argv.slice(2), env);
}

try {
  main();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

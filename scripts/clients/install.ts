import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../build/paths.ts";

const clients = join(cacheFolder, "clients");
const nodePackage = "node@24.21.0";

export interface Installed {
  /** With the package's programmes. */
  bin: string;
  modules: string;
}

async function run(
  command: string[],
  options: { cwd: string; env: Record<string, string | undefined> },
): Promise<void> {
  const child = Bun.spawn(command, { ...options, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`'${command.join(" ")}' ended with ${code}:\n${(output + errors).slice(-3000)}`);
}

async function install(
  name: string,
  packages: readonly string[],
  env: Record<string, string | undefined>,
): Promise<Installed> {
  const folder = join(clients, name);
  const modules = join(folder, "node_modules");
  const installed = { modules, bin: join(modules, ".bin") };
  const marker = Bun.file(join(folder, "installed"));
  if ((await marker.exists()) && (await marker.text()) === packages.join(" ")) return installed;
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "package.json"), '{"private":true}\n');
  await run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], { cwd: folder, env });
  await Bun.write(marker, packages.join(" "));
  return installed;
}

/** Node.js of a version that every client accepts, from npm; resolves to its folder of headers and of programmes. */
async function installNode(): Promise<{ bin: string; headers: string }> {
  const { modules } = await install("node", [nodePackage], process.env);
  const folder = join(modules, "node");
  return {
    bin: join(folder, "bin"),
    headers: join(folder, "node_modules", `node-${process.platform}-${process.arch}`),
  };
}

/** Puts packages from npm into `.cache/clients/NAME`, once for each list of versions. */
export async function installPackages(
  name: string,
  packages: readonly string[],
): Promise<Installed & { node: string }> {
  const node = await installNode();
  const path = `${node.bin}:${process.env["PATH"] ?? ""}`;
  const env = { ...process.env, PATH: path, npm_config_nodedir: node.headers };
  return { ...(await install(name, packages, env)), node: node.bin };
}

const debianPackages = ["chromium", "fonts-dejavu-core", "fonts-noto-color-emoji", "pkg-config"];
// Parts of code-server are compiled when it is installed.
const libraries = {
  "krb5-gssapi": "libkrb5-dev",
  x11: "libx11-dev",
  xkbfile: "libxkbfile-dev",
  "libsecret-1": "libsecret-1-dev",
};

function isThere(library: string): boolean {
  return Bun.spawnSync(["pkg-config", "--exists", library]).exitCode === 0;
}

function missingPackages(): string[] {
  if (Bun.which("pkg-config") === null) return [...debianPackages, ...Object.values(libraries)];
  const missing = Object.entries(libraries).flatMap(([library, name]) => (isThere(library) ? [] : [name]));
  return Bun.which("chromium") === null ? [...missing, ...debianPackages] : missing;
}

/** Why VS Code cannot be tried on this machine; `undefined` when it can. */
export function whyNoVsCode(): string | undefined {
  if (process.platform !== "linux") return "code-server is driven on Linux only";
  const missing = missingPackages();
  const canInstall = process.getuid?.() === 0 && Bun.which("apt-get") !== null;
  return missing.length === 0 || canInstall ? undefined : `not on this machine: ${missing.join(", ")}`;
}

/** Debian's browser and what code-server is compiled with, where they are not there yet; resolves to the browser. */
export async function installChromium(): Promise<string> {
  const missing = missingPackages();
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...missing];
  if (missing.length > 0) await run(install, { cwd: "/", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
  return Bun.which("chromium") ?? "/usr/bin/chromium";
}

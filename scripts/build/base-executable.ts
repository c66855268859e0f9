import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./paths.ts";
import { sha256 } from "./sha256.ts";
import type { BuildTarget } from "./targets.ts";

/**
 * Path of the Bun executable that our code is appended to, checked against its pinned hash.
 * Bun would fetch it by itself, but only from npm's public registry, past `.npmrc` and `npm_config_registry`; `bun install` respects both.
 */
export async function baseExecutable(target: BuildTarget): Promise<string> {
  if (await isExpected(process.execPath, target)) return process.execPath;
  const folder = join(cacheFolder, `base-${Bun.version}`, target.name);
  const file = target.name.startsWith("windows-") ? "bun.exe" : "bun";
  const path = join(folder, "node_modules", target.basePackage, "bin", file);
  if (!(await isExpected(path, target))) await install(target, folder);
  await verify(path, target);
  return path;
}

async function isExpected(path: string, target: BuildTarget): Promise<boolean> {
  return existsSync(path) && (await sha256(path)) === target.baseSha256;
}

async function install(target: BuildTarget, folder: string): Promise<void> {
  console.log(`Fetching ${target.basePackage}@${Bun.version} into .cache (once)…`);
  await mkdir(folder, { recursive: true });
  const manifest = { name: "base", private: true, dependencies: { [target.basePackage]: Bun.version } };
  await Bun.write(join(folder, "package.json"), JSON.stringify(manifest));
  // The package declares a foreign system, which an ordinary install skips.
  const command = [process.execPath, "install", "--os=*", "--cpu=*", "--ignore-scripts", "--force", "--silent"];
  const child = Bun.spawn(command, {
    cwd: folder,
    env: { ...process.env, BUN_BE_BUN: "1", BUN_INSTALL_CACHE_DIR: join(cacheFolder, "install") },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) === 0) return;
  throw new Error(
    `Could not fetch ${target.basePackage}@${Bun.version}. Check the network and the npm registry setting.`,
  );
}

async function verify(path: string, target: BuildTarget): Promise<void> {
  if (!existsSync(path)) throw new Error(`${target.basePackage}@${Bun.version} holds no ${path}.`);
  const found = await sha256(path);
  if (found === target.baseSha256) return;
  throw new Error(
    `${path} has SHA-256 ${found}, but scripts/build/targets.ts expects ${target.baseSha256}.\n` +
      `Either the download was tampered with, or Bun was updated on purpose: then compare with Bun's own release and write the new hash there.`,
  );
}

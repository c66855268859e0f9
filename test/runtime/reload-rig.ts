import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ResolvedConfig } from "../../src/config/resolve.ts";
import { createReload, type Reload } from "../../src/runtime/reload.ts";
import { configFolder } from "../config/folder.ts";

export interface ReloadRig extends Disposable {
  readonly reload: Reload;
  /** Configurations in the order they came into force after the first. */
  readonly applied: readonly ResolvedConfig[];
  /** What the log holds, each line with its level. */
  readonly lines: string[];
  /** Environment that the next attempt will find. */
  readonly env: Record<string, string>;
  readonly path: string;
  /** Writes a file (`undefined`: takes it away), makes an attempt, and returns what was logged in it. */
  change(name: string, text: string | undefined): string[];
}

/** The reloading of a configuration in a folder, with everything but the server itself. */
export function startReload(files: Record<string, string>, apply?: (config: ResolvedConfig) => void): ReloadRig {
  const folder = configFolder(files);
  const env: Record<string, string> = {};
  const applied: ResolvedConfig[] = [];
  const lines: string[] = [];
  const log = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const load = () => folder.load({ env, needsFiles: true, flags: { "server.port": "0" } });
  const reload = createReload({
    loaded: load(),
    load,
    apply(config) {
      apply?.(config);
      applied.push(config);
    },
    logger: { info: log("info"), warn: log("warn"), error: log("error") },
  });
  return {
    reload,
    applied,
    lines,
    env,
    path: folder.path,
    change(name, text) {
      const path = join(folder.path, name);
      if (text === undefined) rmSync(path);
      else writeFileSync(path, text);
      const before = lines.length;
      reload.attempt();
      return lines.slice(before);
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

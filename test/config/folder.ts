import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, loadConfig, type LoadedConfig, type LoadOptions } from "../../src/config/load.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

export interface ConfigFolder extends Disposable {
  readonly path: string;
  /** Loads from this folder with an environment of nothing but what is given. */
  load(options?: LoadOptions): LoadedConfig;
  /** The error that loading must end in. */
  fail(options?: LoadOptions): ConfigError;
}

/** A temporary folder with these files in it. */
export function configFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): ConfigFolder {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), content);
  }
  const load = (options: LoadOptions = {}): LoadedConfig => loadConfig({ cwd: folder.path, env: {}, ...options });
  return {
    path: folder.path,
    load,
    fail(options) {
      try {
        load(options);
      } catch (error) {
        if (error instanceof ConfigError) return error;
        throw error;
      }
      throw new Error("the configuration was accepted");
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

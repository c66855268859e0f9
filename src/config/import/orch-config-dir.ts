import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, type ConfigProblem } from "../config-error.ts";
import type { Environment } from "../environment.ts";
import type { Converted } from "./findings.ts";
import { convertLlmOrch } from "./llm-orch.ts";
import { readForeignFile, type ForeignFile } from "./read-source.ts";

const routerName = "router.yaml";
const dummyName = "providers.dummy.toml";
const usualName = "providers.toml";

export interface OrchFolder extends Converted {
  /** Absolute paths of what was read, to be watched. */
  readonly files: readonly string[];
}

export interface OrchFolderOptions {
  readonly useDummy: boolean;
  /** Default: every variable will be set one day. */
  readonly isSet?: (variable: string) => boolean;
}

function missingMessage(folder: string, name: string): string {
  const needed = `llm-orch's configuration is a folder with ${usualName} and ${routerName}`;
  if (name !== usualName || !existsSync(join(folder, dummyName))) return `there is no such file; ${needed}`;
  return `there is no such file, but ${dummyName}: set ORCH_USE_DUMMY=1 to use that, or copy it to ${usualName}`;
}

/** Both files; what is wrong with either is told at once. */
function readBoth(folder: string, names: readonly [string, string]): [ForeignFile, ForeignFile] {
  const problems: ConfigProblem[] = [];
  const [providers, router] = names.map((name): ForeignFile | undefined => {
    const path = join(folder, name);
    try {
      if (existsSync(path)) return readForeignFile(path);
      problems.push({ kind: "unreadable", path: "", message: missingMessage(folder, name), origin: `file ${path}` });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
    return undefined;
  });
  if (providers === undefined || router === undefined) throw new ConfigError(problems, folder);
  return [providers, router];
}

/** llm-orch's folder as our configuration. Throws ConfigError. */
export function readOrchFolder(dir: string, { useDummy, isSet }: OrchFolderOptions): OrchFolder {
  const folder = resolve(dir);
  const names = [useDummy ? dummyName : usualName, routerName] as const;
  const [providers, router] = readBoth(folder, names);
  const { tree, notes } = convertLlmOrch(
    { providers: providers.value, router: router.value },
    {
      providersOrigin: providers.origin,
      routerOrigin: router.origin,
      mayMissProviders: useDummy,
      ...(isSet === undefined ? {} : { isSet }),
    },
  );
  return {
    tree,
    files: names.map((name) => join(folder, name)),
    notes: [...providers.notes, ...router.notes, ...notes],
  };
}

const onTexts = new Set(["1", "true", "yes", "on"]);

/**
 * The folder that ORCH_CONFIG_DIR names, as llm-orch reads it: with ORCH_USE_DUMMY its dummy providers. A provider whose
 * variable is not set is switched off instead of ending the start. `${NAME}` stays in the tree. Throws ConfigError.
 */
export function readOrchConfigDir(dir: string, environment: Environment): OrchFolder {
  return readOrchFolder(dir, {
    useDummy: onTexts.has(environment.text("ORCH_USE_DUMMY")?.toLowerCase() ?? ""),
    isSet: (variable) => environment.text(variable) !== undefined,
  });
}

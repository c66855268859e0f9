import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { readEnvironment } from "../config/environment.ts";
import { ConfigError, loadConfig, type ConfigProblem } from "../config/load.ts";
import { substitute } from "../config/substitute.ts";

export interface ImportCheck {
  /** Variables that the configuration needs and that say nothing yet. */
  readonly missingVariables: readonly string[];
  /** What the loader refuses besides. */
  readonly problems: readonly ConfigProblem[];
}

const notSet = /^the environment variable (\w+) is not set/;

function missingIn(tree: Record<string, unknown>, cwd: string): string[] {
  const { problems } = substitute(tree, readEnvironment(cwd, process.env));
  return [...new Set(problems.flatMap(({ message }) => notSet.exec(message)?.[1] ?? []))];
}

/** Problems that stand in the file at `path`: what this shell's environment says beside it is not the file's fault. */
function problemsOf(path: string, cwd: string): ConfigProblem[] {
  try {
    loadConfig({ configPath: path, cwd, env: { ...process.env, ORCH_CONFIG_DIR: "" } });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.filter(({ kind, message, origin }) => {
      const isKey = kind === "missing-credential" || notSet.test(message);
      return !isKey && origin.startsWith("file ") && origin.endsWith(basename(path));
    });
  }
}

/** A container may have no folder for temporary files. */
function temporaryFolder(cwd: string): string {
  const name = ".orcestator-import-";
  try {
    return mkdtempSync(join(tmpdir(), name));
  } catch {
    return mkdtempSync(join(cwd, name));
  }
}

/** What the gateway would say of a configuration that is not written yet. */
export function checkImport(tree: Record<string, unknown>, text: string, cwd: string): ImportCheck {
  const folder = temporaryFolder(cwd);
  try {
    const path = join(folder, "orcestator.yaml");
    writeFileSync(path, text, { mode: 0o600 });
    return { missingVariables: missingIn(tree, cwd), problems: problemsOf(path, cwd) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
